"""What is printed while measuring."""

from __future__ import annotations

import os
import sys

from bench.load import Result
from bench.platform import PORTS
from bench.rows import Row

_SMALLEST_SHOWN = 0.001  # milliseconds of CPU
_SMALLEST_SHARE_SHOWN = 0.01  # of a request's CPU; below are timers and polls


def print_head(connections: int, seconds: int) -> None:
    """How is measured, and the columns."""
    workers = {name: os.environ.get(f"SMQ_{name.upper()}_WORKERS", "1") for name in PORTS}
    told = ", ".join(f"{name} {count}" for name, count in workers.items())
    say(
        f"{connections} connections, {seconds} s a row, workers: {told}\n\n"
        "row               per s     p50 ms    p99 ms  errors   goal  share of ceiling"
        "      CPU ms per request, by part"
    )


def print_row(row: Row | None, result: Result, ceilings: list[Result]) -> None:
    """One line of the table.

    Args:
        row: Tells the goal and the ceiling; None for what has neither.
        ceilings: Among them the row's.
    """
    rates = {each.name: each.per_second for each in ceilings}
    share = ""
    if row is not None and rates.get(row.ceiling):
        share = f"{result.per_second / rates[row.ceiling]:5.0%} of {row.ceiling}"
    goal = str(row.goal) if row is not None and row.goal else ""
    times = f"{result.p50:>10.2f}{result.p99:>10.2f}" if result.p99 else " " * 20
    say(
        f"{result.name:<16}{result.per_second:>8.0f}{times}"
        f" {result.errors:>7} {goal:>6}  {share:<22}{_cpu(result)}".rstrip()
    )


def say(line: str) -> None:
    """Print a line at once, also where output is collected in a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def of_parts(values: dict[str, float]) -> str:
    """Parts with their figures in one line."""
    return " ".join(f"{part} {value:g}" for part, value in values.items())


def _cpu(result: Result) -> str:
    everything = result.cpu_sum()
    if not everything:
        return ""
    shown = {
        part: round(value, 3)
        for part, value in result.cpu.items()
        if value >= max(_SMALLEST_SHARE_SHOWN * everything, _SMALLEST_SHOWN)
    }
    return f"{everything:>7.3f}  {of_parts(shown)}"
