"""Waiting for what happens on its own time, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T | None]],
    *,
    within_seconds: float = 30.0,
    what: str = "condition",
) -> T:
    """Look again and again until something true is seen; fails if it is not in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        seen = await look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {within_seconds} s")
        await asyncio.sleep(0.02)
