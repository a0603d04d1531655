"""Durations as Go writes them (`90m`, `1h30m`, `2400h`), the notation of every setting and layout.

Source: https://pkg.go.dev/time#ParseDuration
"""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> timedelta:
    """Read a Go duration.

    Raises:
        ValueError: The text is not one, or is too long for a timedelta.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta()
    seconds, end = 0.0, 0
    for part in _PART.finditer(rest):
        if part.start() != end:
            break
        seconds += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    if not rest or end != len(rest):
        raise ValueError(f"not a duration like 90m or 1h30m: {text!r}")
    try:
        return timedelta(seconds=sign * seconds)
    except OverflowError:
        raise ValueError(f"duration too long: {text!r}") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration the way Go reads it, shortest form first: `2400h`, `1h30m`, `15s`."""
    seconds = duration.total_seconds()
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [
        f"{value:g}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value
    ]
    return "".join(parts) or "0s"
