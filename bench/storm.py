"""A login storm: what others notice while many people log in at once.

Hashing passwords takes all the CPU it is given. Others call at a modest, steady rate, so that what
is compared is how long they wait, not how much is left for them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench.load import Result
from bench.measuring import Measuring
from bench.rows import ROWS, Row
from bench.table import say

STORM = "login-storm"
_GOAL = 2.0  # times the p99 without a storm
_MARGIN_SECONDS = 3  # the storm begins before the measured window and ends after it
_CALLERS, _PAUSE_MILLISECONDS = 4, 10

_LOGINS = next(row for row in ROWS if row.name == "token-issue")
_OTHERS = (
    next(row for row in ROWS if row.name == "things-get"),
    Row(
        name="profile",
        url="users",
        path='"/users/profile"',
        headers='["Authorization"] = "Bearer {token}"',
    ),
)


def measure_storm(measuring: Measuring) -> list[Result]:
    """Reads of things and of users alone and during a storm, and the storm itself."""
    say(
        f"\n{STORM}: {_CALLERS} others with pauses of {_PAUSE_MILLISECONDS} ms,"
        f" alone and while {_LOGINS.connections} log in\n"
        "                  alone: per s  p50 ms  p99 ms   storm: per s  p50 ms  p99 ms"
        f"   p99 ratio, goal {_GOAL:g}   logins per s"
    )
    results: list[Result] = []
    for row in _OTHERS:
        steady = msgspec.structs.replace(
            row, connections=_CALLERS, pause_milliseconds=_PAUSE_MILLISECONDS
        )
        alone = measuring.measure(steady)
        during, storm = _measure_during(measuring, steady)
        _print(alone, during, storm)
        results += [
            msgspec.structs.replace(result, name=f"{row.name}-{circumstance}")
            for circumstance, result in (("calm", alone), ("storm", during), ("logins", storm))
        ]
    return results


def _measure_during(measuring: Measuring, row: Row) -> tuple[Result, Result]:
    measuring.parts.wait_until_quiet()
    with ThreadPoolExecutor(1) as thread:
        storm = thread.submit(measuring.call, _LOGINS, measuring.seconds + _MARGIN_SECONDS)
        during = measuring.measure(row, is_alone=False)
        return during, storm.result()[0]


def _print(alone: Result, during: Result, storm: Result) -> None:
    ratio = during.p99 / alone.p99 if alone.p99 else 0.0
    errors = alone.errors + during.errors + storm.errors
    say(
        f"{alone.name:<16}{alone.per_second:>15.0f}{alone.p50:>8.2f}{alone.p99:>8.2f}"
        f"{during.per_second:>15.0f}{during.p50:>8.2f}{during.p99:>8.2f}"
        f"{ratio:>12.1f}{'  above the goal' if ratio > _GOAL else '':<17}"
        f"{storm.per_second:>8.1f}" + (f"  {errors} errors" if errors else "")
    )
