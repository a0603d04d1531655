"""A cache that is never stale in the unsafe direction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from deploy.embedded.servers import ValkeyServer
from shared.cache import InvalidatedCache
from tests.waiting import eventually

Cache = InvalidatedCache[str]


class Source:
    """Where values come from; counts how often it is asked."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.asked = 0

    async def load(self) -> str | None:
        self.asked += 1
        return self.value


@pytest.fixture
def name() -> str:
    return f"tests-{uuid4()}"


@pytest.fixture
async def cache(redis_url: str, name: str) -> AsyncIterator[Cache]:
    async with InvalidatedCache[str].open(redis_url, name, size=2) as cache:
        await eventually(cache.is_up)
        yield cache


async def test_a_value_is_loaded_once(cache: Cache) -> None:
    source = Source("value")

    assert await cache.get("key", source.load) == "value"
    assert await cache.get("key", source.load) == "value"

    assert source.asked == 1


async def test_nothing_is_never_kept(cache: Cache) -> None:
    source = Source(None)

    await cache.get("key", source.load)
    source.value = "there now"

    assert await cache.get("key", source.load) == "there now"


async def test_the_least_used_makes_room(cache: Cache) -> None:
    first, others = Source("1"), Source("2")
    await cache.get("first", first.load)
    await cache.get("second", others.load)
    await cache.get("third", others.load)

    await cache.get("first", first.load)

    assert first.asked == 2


async def test_what_has_expired_dwindles_as_other_values_come(redis_url: str, name: str) -> None:
    now = 0.0
    async with Cache.open(
        redis_url, name, size=1000, lifetime_seconds=30, clock=lambda: now
    ) as cache:
        await eventually(cache.is_up)
        for number in range(100):
            await cache.get(f"early {number}", Source("value").load)
        assert cache.remembered == 100

        now = 31.0
        for number in range(60):
            await cache.get(f"late {number}", Source("value").load)

        assert cache.remembered == 60


async def test_a_change_is_forgotten_here_at_once_and_elsewhere_soon(
    cache: Cache, redis_url: str, name: str
) -> None:
    here, there = Source("old"), Source("old")
    async with InvalidatedCache[str].open(redis_url, name, size=2) as elsewhere:
        await eventually(elsewhere.is_up)
        await cache.get("key", here.load)
        await elsewhere.get("key", there.load)
        here.value = there.value = "new"

        await cache.drop(["key"])

        assert await cache.get("key", here.load) == "new"

        async def forgotten() -> bool:
            return await elsewhere.get("key", there.load) == "new"

        await eventually(forgotten, what="the change elsewhere")


async def test_what_was_loaded_while_it_changed_is_not_kept(cache: Cache) -> None:
    read, changed = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        value = "old"
        read.set()
        await changed.wait()
        return value

    loading = asyncio.create_task(cache.get("key", slow))
    await read.wait()
    await cache.drop(["key"])
    changed.set()
    await loading

    assert await cache.get("key", Source("new").load) == "new"


async def test_a_cache_without_redis_is_off_and_comes_back_empty(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ValkeyServer(tmp_path_factory.mktemp("own-valkey"))
    await server.start()
    source = Source("value")
    try:
        async with InvalidatedCache[str].open(server.url, "tests", size=2) as cache:
            await eventually(cache.is_up)
            await cache.get("key", source.load)
            await server.stop()

            async def is_off() -> bool:
                return not await cache.is_up()

            await eventually(is_off, what="the cache to notice")
            await cache.drop(["key"])
            await cache.get("key", source.load)
            await cache.get("key", source.load)
            assert source.asked == 3

            await server.start()
            await eventually(cache.is_up, within_seconds=30)
            await cache.get("key", source.load)
            await cache.get("key", source.load)
            assert source.asked == 4
    finally:
        await server.stop()


async def test_a_value_goes_with_each_key_that_it_follows(redis_url: str, name: str) -> None:
    async with (
        Cache.open(redis_url, name, size=2) as cache,
        Cache.open(redis_url, name, size=2) as other,
    ):
        await eventually(cache.is_up)
        await eventually(other.is_up)
        source = Source("value")

        async def look() -> str | None:
            return await cache.get("key", source.load, lambda _: ("thing", "channel"))

        for followed in ("thing", "channel", "key"):
            await look()
            asked = source.asked
            await look()
            assert source.asked == asked
            await other.drop([followed])
            await eventually(lambda: _is_asked_again(source, look))


async def test_what_makes_room_is_followed_no_longer(cache: Cache) -> None:
    source = Source("value")
    for number in range(5):
        await cache.get(str(number), source.load, lambda _: ("shared",))

    cache.forget(["shared"])
    await cache.get("4", source.load)

    assert source.asked == 6


async def test_nothing_is_kept_soon_after_what_it_follows_was_dropped(
    redis_url: str, name: str
) -> None:
    async with Cache.open(redis_url, name, size=2, settle_seconds=60) as cache:
        await eventually(cache.is_up)
        source = Source("value")
        await cache.drop(["thing"])

        for _ in range(2):
            await cache.get("a", source.load, lambda _: ("thing",))
            await cache.get("b", source.load, lambda _: ("other",))

        assert source.asked == 3


async def _is_asked_again(source: Source, look: Callable[[], Awaitable[str | None]]) -> bool:
    before = source.asked
    await look()
    return source.asked > before
