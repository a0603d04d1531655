"""Ending background tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from shared import tasks


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_PATIENCE_SECONDS", 0.01)

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)

    await tasks.stop(task)

    assert task.cancelled()


async def test_the_failure_of_a_task_is_not_hidden() -> None:
    async def work() -> None:
        raise ValueError("failed before it was stopped")

    task = asyncio.create_task(work())
    await asyncio.wait([task])

    with pytest.raises(ValueError, match="before it was stopped"):
        await tasks.stop(task)
