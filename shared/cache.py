"""A cache in the process that is never stale in the unsafe direction.

A change drops the entry here at once and, through Redis before the change is answered, in every
other process. A process that loses Redis empties its cache and keeps it off until it is connected
again, because it could miss a change.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.calls import Calling
from shared.tasks import stop

logger = structlog.get_logger(__name__)

V = TypeVar("V")
_RETRY_SECONDS = 0.5
_PUBLISH_SECONDS = 0.5
_SWEPT_AT_ONCE = 2  # more than is added, so that expired values dwindle


class _Entry(NamedTuple, Generic[V]):
    """A value, until when it is good, and the keys with which it goes."""

    expires: float
    value: V
    follows: frozenset[str]


class InvalidatedCache(Generic[V]):
    """Values by key, at most `size` of them, dropped everywhere when they change.

    Args:
        name: Channel of the invalidations; equal in all processes that share them.
        lifetime_seconds: How long a value is kept at most. It bounds what is not told: a change
            whose process died between committing and telling it.
        settle_seconds: How long nothing is kept that follows a key which was dropped. For values
            that are asked of another service, whose processes may hear of a change later.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        redis: Redis,
        name: str,
        size: int,
        lifetime_seconds: float = math.inf,
        settle_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._channel = f"invalidate:{name}"
        self._size = size
        self._lifetime_seconds = lifetime_seconds
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._values: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._followers: dict[str, set[str]] = {}
        self._unsettled: OrderedDict[str, float] = OrderedDict()
        self._is_on = False
        self._changes = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        name: str,
        size: int,
        lifetime_seconds: float = math.inf,
        settle_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> AsyncIterator[InvalidatedCache[V]]:
        """Listen for invalidations for as long as the context lasts."""
        redis = Redis.from_url(
            url, socket_connect_timeout=2, socket_timeout=None, health_check_interval=5
        )
        cache = cls(redis, name, size, lifetime_seconds, settle_seconds, clock)
        task = asyncio.create_task(cache._listen_for_ever(), name=f"cache-{name}")
        try:
            yield cache
        finally:
            await stop(task)
            await redis.aclose()

    async def get(
        self,
        key: str,
        load: Callable[[], Awaitable[V | None]],
        follows: Callable[[V], Iterable[str]] = lambda _: (),
    ) -> V | None:
        """The value of a key, loaded if it is not here; None is not kept.

        Args:
            follows: Names further keys, at whose dropping the value goes too.
        """
        known = self._values.get(key)
        now = self._clock()
        if known is not None and now < known.expires:
            self._values.move_to_end(key)
            return known.value
        changes = self._changes
        value = await load()
        # What was loaded while something changed may be from before the change.
        if value is not None and self._is_on and changes == self._changes:
            self._keep(key, _Entry(now + self._lifetime_seconds, value, frozenset(follows(value))))
        return value

    async def drop(self, keys: Iterable[str]) -> None:
        """Forget keys, here and everywhere; to be awaited before the change is answered."""
        keys = list(keys)
        self.forget(keys)
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                with Calling("redis", RedisError, OSError):
                    await self._redis.publish(self._channel, "\n".join(keys))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("invalidation_lost", channel=self._channel, error=type(error).__name__)

    @property
    def remembered(self) -> int:
        """How many values are kept."""
        return len(self._values)

    async def is_up(self) -> bool:
        """Whether invalidations arrive."""
        return self._is_on

    def forget(self, keys: Iterable[str]) -> None:
        """Forget keys here alone."""
        self._changes += 1
        for key in keys:
            self._remove(key)
            for follower in tuple(self._followers.get(key, ())):
                self._remove(follower)
            if self._settle_seconds:
                self._forget_settled()
                self._unsettled[key] = self._clock() + self._settle_seconds
                self._unsettled.move_to_end(key)

    def _keep(self, key: str, entry: _Entry[V]) -> None:
        self._forget_settled()
        if any(followed in self._unsettled for followed in entry.follows):
            return
        self._remove(key)
        self._values[key] = entry
        for followed in entry.follows:
            self._followers.setdefault(followed, set()).add(key)
        self._make_room()

    def _make_room(self) -> None:
        """Forget what is beyond the size, and what has expired of those not asked for longest.

        Devices come and go: kept until there are too many, what is known of those that have gone
        would be most of a service's memory.
        """
        now = self._clock()
        for key, entry in list(islice(self._values.items(), _SWEPT_AT_ONCE)):
            if len(self._values) > self._size or entry.expires <= now:
                self._remove(key)

    def _remove(self, key: str) -> None:
        entry = self._values.pop(key, None)
        for followed in entry.follows if entry is not None else ():
            followers = self._followers[followed]
            followers.discard(key)
            if not followers:
                del self._followers[followed]

    def _forget_settled(self) -> None:
        now = self._clock()
        while self._unsettled and next(iter(self._unsettled.values())) <= now:
            self._unsettled.popitem(last=False)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    async for message in subscription.listen():
                        if message["type"] == "subscribe":
                            self._is_on = True
                        elif message["type"] == "message":
                            self.forget(message["data"].decode().split("\n"))
            except (RedisError, OSError) as error:
                logger.warning("invalidations_lost", error=type(error).__name__)
            finally:
                self._is_on = False
                self._changes += 1
                self._values.clear()
                self._followers.clear()
            await asyncio.sleep(_RETRY_SECONDS)
