"""Failures are counted per key, in this process when Redis is away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared import limits
from shared.errors import TooManyRequests
from shared.limits import FailureLimit

NOWHERE = "redis://127.0.0.1:1"


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def limit(clock: Clock) -> AsyncIterator[FailureLimit]:
    """Three failures a minute, without Redis."""
    redis = Redis.from_url(NOWHERE)
    yield FailureLimit(redis, "tests", 3, clock)
    await redis.aclose()


async def test_failures_up_to_the_limit_are_borne(limit: FailureLimit) -> None:
    counts = [await limit.note_failure("address", "id") for _ in range(2)]

    await limit.check("address", "id")
    assert counts == [1, 2]


async def test_over_the_limit_a_key_is_refused_until_the_minute_is_over(
    limit: FailureLimit, clock: Clock
) -> None:
    for _ in range(3):
        await limit.note_failure("address", "id")

    clock.seconds += 20
    with pytest.raises(TooManyRequests) as refused:
        await limit.check("address", "id")
    assert refused.value.retry_after_seconds == 40

    clock.seconds += 40
    await limit.check("address", "id")
    assert await limit.note_failure("address", "id") == 1


async def test_every_key_counts_for_itself(limit: FailureLimit) -> None:
    for _ in range(3):
        await limit.note_failure("address", "id")

    await limit.check("address", "other")
    await limit.check("other", "id")
    await limit.check("addres", "sid")
    await limit.check("address\0id")


async def test_a_limit_of_zero_counts_and_refuses_nobody(clock: Clock) -> None:
    redis = Redis.from_url(NOWHERE)
    limit = FailureLimit(redis, "tests", 0, clock)

    counts = [await limit.note_failure("id") for _ in range(5)]

    await limit.check("id")
    assert counts == [1, 2, 3, 4, 5]
    await redis.aclose()


async def test_keys_of_any_text_can_be_counted(limit: FailureLimit) -> None:
    assert await limit.note_failure("\0", "\udcff", "ü" * 5000, "") == 1


async def test_the_oldest_keys_make_room(
    limit: FailureLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_MAX_KEYS", 10)
    for number in range(30):
        await limit.note_failure(str(number))

    assert await limit.note_failure("29") == 2
    assert await limit.note_failure("0") == 1


async def test_failures_are_known_until_the_minute_is_over(
    limit: FailureLimit, clock: Clock
) -> None:
    await limit.note_failure("id")
    known = limit.failures("id")
    clock.seconds += 60

    assert (known, limit.failures("id"), limit.failures("other")) == (1, 0, 0)
