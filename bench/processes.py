"""What the platform's processes use: CPU, memory, and whether they have come to rest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_WINDOW_SECONDS = 0.5
_QUIET_SHARE = 0.1  # of one core; polls and timers of an idle platform take 0.03


class Parts:
    """The processes of the platform by part, each with all below it.

    Args:
        pids: The first process of each part.
    """

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time of each part since it started."""
        return {part: cpu_seconds(pid) for part, pid in self._pids.items()}

    def megabytes(self) -> dict[str, float]:
        """Memory that each part holds now."""
        return {part: memory_megabytes(pid) for part, pid in self._pids.items()}

    def wait_until_quiet(self, at_most_seconds: float = 10.0) -> None:
        """Return once what earlier calls left to do is done, or the time is over.

        Relays still send events and passwords are still hashed after their callers have gone;
        whoever measures next would be charged for it.
        """
        wait_until_quiet(
            lambda: sum(self.cpu_seconds().values()), time.monotonic, time.sleep, at_most_seconds
        )


def wait_until_quiet(
    used_seconds: Callable[[], float],
    now: Callable[[], float],
    sleep: Callable[[float], None],
    at_most_seconds: float,
) -> None:
    """Return once little CPU was used during a short window.

    Args:
        used_seconds: Tells the CPU time used so far.
    """
    begin = now()
    before, since = used_seconds(), begin
    while since - begin < at_most_seconds:
        sleep(_WINDOW_SECONDS)
        used, until = used_seconds(), now()
        if used - before < _QUIET_SHARE * (until - since):
            return
        before, since = used, until


def cpu_per_request(
    before: dict[str, float], after: dict[str, float], requests: int
) -> dict[str, float]:
    """Milliseconds of CPU per request by part."""
    return {
        part: round((used - before[part]) / max(requests, 1) * 1000, 4)
        for part, used in after.items()
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all below it, those that have ended included."""
    own = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own = sum(map(int, fields[11:15])) / _TICKS
        children = _children(pid)
    except OSError:
        return own
    return own + sum(map(cpu_seconds, children))


def memory_megabytes(pid: int) -> float:
    """Memory of a process and all below it, shared pages counted once between their sharers.

    PostgreSQL's processes share most of what they hold: the sum of their resident sizes is many
    times what they take. Where the proportional size may not be read, it is the resident one.
    """
    own = 0.0
    try:
        own = _own_kilobytes(pid) / 1024
        children = _children(pid)
    except OSError:
        return own
    return own + sum(map(memory_megabytes, children))


def _own_kilobytes(pid: int) -> int:
    process = Path(f"/proc/{pid}")
    try:
        return kilobytes((process / "smaps_rollup").read_text(), "Pss")
    except OSError:
        return kilobytes((process / "status").read_text(), "VmRSS")


def kilobytes(text: str, name: str) -> int:
    """A figure out of what /proc tells of a process; 0 if it does not tell."""
    lines = (line.split() for line in text.splitlines())
    return next((int(line[1]) for line in lines if line and line[0] == f"{name}:"), 0)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
