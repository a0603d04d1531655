"""wrk, and what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from msgspec import Struct

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Result(Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        p50: What half of the requests were quicker than, in milliseconds.
        p99: What 99 of 100 requests were quicker than, in milliseconds.
        cpu: Milliseconds of CPU per request, by part.
        megabytes: The most memory seen of each part meanwhile, where it was watched.
    """

    name: str
    per_second: float
    p50: float = 0.0
    p99: float = 0.0
    errors: int = 0
    cpu: dict[str, float] = {}
    megabytes: dict[str, float] = {}

    def cpu_sum(self) -> float:
        """Milliseconds of CPU per request in all parts together."""
        return sum(self.cpu.values())


class LoadError(Exception):
    """The load generator failed; the text is what it said."""


def run_wrk(url: str, lua: Path, *, seconds: int, connections: int) -> tuple[Result, int]:
    """Call as fast as answers come, or as the script pauses; the result and how many requests."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "--timeout",
        "10s",
        "-s",
        str(lua),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LoadError(done.stderr or done.stdout)
    return read_wrk(done.stdout)


def read_wrk(text: str) -> tuple[Result, int]:
    """The result in what wrk printed, and the number of requests."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    total = re.search(r"(\d+) requests in", text)
    if rate is None or total is None:
        raise LoadError(text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(refused[1]) if refused else 0
    errors += sum(map(int, sockets.groups())) if sockets else 0
    result = Result(
        name="",
        per_second=float(rate[1]),
        p50=_milliseconds(text, "50%"),
        p99=_milliseconds(text, "99%"),
        errors=errors,
    )
    return result, int(total[1])


def percentile(times: list[float], share: float) -> float:
    """What that share of the times was quicker than; 0 of none."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _milliseconds(text: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0
