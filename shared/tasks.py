"""Ending background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from shared.errors import DomainError

logger = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 1.0


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; raises what it failed with.

    A single cancellation can get lost: nats-py swallows it while it flushes, and so may
    `asyncio.wait_for` before Python 3.12. So it is repeated until it is heard.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_PATIENCE_SECONDS)
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def repeating(
    work: Callable[[], Awaitable[None]], *, every_seconds: float, at_end: bool = False
) -> AsyncIterator[None]:
    """Do something now and then for as long as the context lasts; a failure waits for the next.

    Args:
        at_end: Whether to do it once more before the context is left.
    """

    async def attempt() -> None:
        try:
            await work()
        except DomainError as error:
            logger.warning("work_put_off", reason=error.reason)

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            await attempt()

    task = asyncio.create_task(repeat(), name=getattr(work, "__qualname__", "repeating"))
    try:
        yield
    finally:
        await stop(task)
        if at_end:
            await attempt()
