"""Failures are counted by all processes together, as long as Redis is there."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from deploy.embedded.servers import ValkeyServer
from shared.errors import TooManyRequests
from shared.limits import FailureLimit


@pytest.fixture
def name() -> str:
    return f"tests-{uuid4()}"


async def test_processes_count_together(redis_url: str, name: str) -> None:
    async with (
        FailureLimit.open(redis_url, name, 3) as here,
        FailureLimit.open(redis_url, name, 3) as there,
    ):
        counts = [
            await here.note_failure("id"),
            await there.note_failure("id"),
            await here.note_failure("id"),
        ]

        assert counts == [1, 2, 3]
        with pytest.raises(TooManyRequests) as refused:
            await here.check("id")
        assert 55 <= refused.value.retry_after_seconds <= 60
        await there.check("id")
        assert await there.note_failure("id") == 4
        with pytest.raises(TooManyRequests):
            await there.check("id")


async def test_parallel_failures_are_all_counted(redis_url: str, name: str) -> None:
    async with FailureLimit.open(redis_url, name, 50) as limit:
        counts = await asyncio.gather(*(limit.note_failure("id") for _ in range(50)))

        assert max(counts) == 50
        with pytest.raises(TooManyRequests):
            await limit.check("id")


async def test_two_limits_count_apart(redis_url: str) -> None:
    first, second = f"tests-{uuid4()}", f"tests-{uuid4()}"
    async with (
        FailureLimit.open(redis_url, first, 3) as logins,
        FailureLimit.open(redis_url, second, 3) as fetches,
    ):
        assert [await logins.note_failure("id"), await fetches.note_failure("id")] == [1, 1]


async def test_without_redis_the_process_counts_alone_and_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ValkeyServer(tmp_path_factory.mktemp("own-valkey"))
    await server.start()
    try:
        async with FailureLimit.open(server.url, "tests", 3) as limit:
            await limit.note_failure("id")
            await server.stop()

            counts = [await limit.note_failure("id"), await limit.note_failure("id")]

            assert counts == [2, 3]
            with pytest.raises(TooManyRequests):
                await limit.check("id")
    finally:
        await server.stop()
