"""Counts failures per key, so that nobody can go on guessing.

The counts stand in Redis for all processes, and in the process while Redis is down. A key that is
over its limit is refused from what this process knows already, so that those who do nothing wrong
wait for nobody: another process lets one more attempt through until it has been told.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.calls import Calling
from shared.errors import TooManyRequests

logger = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
_REDIS_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
_MAX_KEYS = 50_000


class _Window(Struct):
    """The failures of one key since the first of them."""

    ends_at: float
    failures: int = 0


class FailureLimit:
    """At most so many failures of one key within a minute of the first; successes do not count.

    Args:
        name: What is limited; equal in all processes that count together.
        per_minute: Failures after which `check` refuses; 0 only counts.
        clock: Seconds that never go back.
    """

    def __init__(
        self, redis: Redis, name: str, per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._prefix = f"failures:{name}:"
        self._per_minute = per_minute
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._redis_again_at = float("-inf")

    @classmethod
    @asynccontextmanager
    async def open(cls, redis_url: str, name: str, per_minute: int) -> AsyncIterator[FailureLimit]:
        """Count for as long as the context lasts; Redis is reached when it is needed."""
        redis = Redis.from_url(
            redis_url,
            socket_connect_timeout=_REDIS_SECONDS,
            socket_timeout=_REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            yield cls(redis, name, per_minute)
        finally:
            await redis.aclose()

    async def check(self, *key: str) -> None:
        """Refuse a key that has failed too often; raises TooManyRequests."""
        if self._per_minute and self.failures(*key) >= self._per_minute:
            window = self._windows[_digest(key)]
            raise TooManyRequests(math.ceil(window.ends_at - self._clock()))

    async def note_failure(self, *key: str) -> int:
        """Count a failure; answers the how-manieth in this minute it was."""
        digest = _digest(key)
        window = self._window(digest)
        window.failures += 1  # at once: others with this key may be checked while Redis is asked
        here, now = window.failures, self._clock()
        if now < self._redis_again_at:
            return here
        try:
            failures, milliseconds = await self._count(digest)
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_again_at = now + _PAUSE_SECONDS
            logger.warning("failures_counted_locally", error=type(error).__name__)
            return here
        window.failures = max(window.failures, failures)
        window.ends_at = self._clock() + milliseconds / 1000
        return failures

    def failures(self, *key: str) -> int:
        """How many failures of a key this process knows of."""
        window = self._windows.get(_digest(key))
        return window.failures if window is not None and window.ends_at > self._clock() else 0

    def _window(self, digest: str) -> _Window:
        now = self._clock()
        window = self._windows.get(digest)
        if window is None or window.ends_at <= now:
            window = self._windows[digest] = _Window(ends_at=now + WINDOW_SECONDS)
            if len(self._windows) > _MAX_KEYS:
                self._windows.popitem(last=False)
        self._windows.move_to_end(digest)
        return window

    async def _count(self, digest: str) -> tuple[int, int]:
        """Failures, and the milliseconds until they are forgotten."""
        name = self._prefix + digest
        async with self._redis.pipeline(transaction=True) as commands:
            commands.set(name, 0, ex=WINDOW_SECONDS, nx=True)
            commands.incr(name)
            commands.pttl(name)
            with Calling("redis", RedisError, OSError, TimeoutError):
                _, failures, milliseconds = await commands.execute()
        return int(failures), int(milliseconds)


def _digest(key: tuple[str, ...]) -> str:
    """Of one length, and free of names: keys hold what strangers sent."""
    text = "\0".join(part.encode(errors="replace").hex() for part in key)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
