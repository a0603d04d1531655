"""bcrypt, off the event loop and with an end to the queue."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import bcrypt

from services.users.service.secrets import MAX_SECRET_BYTES
from shared.errors import Unavailable

T = TypeVar("T")


class BcryptPasswords:
    """Hashes and compares on a few threads, so that other requests keep a core.

    Args:
        cost: Work factor of new hashes.
        queue: How many may wait or be at work; more are refused.
    """

    def __init__(self, threads: ThreadPoolExecutor, cost: int, queue: int) -> None:
        self._threads = threads
        self._cost = cost
        self._queue = queue
        self._waiting = 0
        self._nobodys_hash = bcrypt.hashpw(secrets.token_bytes(32), bcrypt.gensalt(cost))

    @classmethod
    @asynccontextmanager
    async def open(cls, *, cost: int, queue: int, workers: int) -> AsyncIterator[BcryptPasswords]:
        """Start the threads; stop them at the end.

        Args:
            workers: Processes that share this machine's cores.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        size = max(1, ((cores or 1) - 1) // workers)
        with ThreadPoolExecutor(size, thread_name_prefix="bcrypt") as threads:
            yield cls(threads, cost, queue)

    async def hash(self, secret: str) -> str:
        """See Passwords."""
        hashed = await self._run(lambda: bcrypt.hashpw(secret.encode(), bcrypt.gensalt(self._cost)))
        return hashed.decode()

    async def matches(self, secret: str, hashed: str | None) -> bool:
        """See Passwords. A hash of a random secret stands in for the one that is not there."""
        given = secret.encode()
        can_match = hashed is not None and len(given) <= MAX_SECRET_BYTES
        expected = hashed.encode() if hashed is not None else self._nobodys_hash
        is_equal = await self._run(lambda: bcrypt.checkpw(given[:MAX_SECRET_BYTES], expected))
        return is_equal and can_match

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._queue:
            raise Unavailable("too many logins at the same time", retry_after_seconds=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
