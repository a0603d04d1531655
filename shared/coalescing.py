"""Calls made at the same time become one: send when idle, collect while busy.

There is no timer. A call that finds nothing under way goes at once, with whatever else was asked
for in the same turn of the event loop; what comes meanwhile goes together afterwards. So a single
caller waits for nobody, and the more there are, the larger the groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from shared.errors import Unavailable
from shared.logging import REQUEST_ID
from shared.tracing import TRACEPARENT

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")
_Origin = tuple[str, str]  # request id, and place in a trace


class Coalescer(Generic[K, T, R]):
    """Gathers calls of one kind.

    Args:
        run: Does a group's work and answers in its order. All of a group have the same key.
        largest: How many may be in one group.
    """

    def __init__(
        self, run: Callable[[K, Sequence[T]], Awaitable[Sequence[R]]], *, largest: int = 64
    ) -> None:
        self._run = run
        self._largest = largest
        self._waiting: dict[K, list[tuple[T, asyncio.Future[R], _Origin]]] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}

    async def call(self, key: K, item: T) -> R:
        """Have one item done, in a group with others of its key.

        Raises:
            Exception: What the item raises alone. A group that fails is repeated member by
                member, so `run` must leave nothing done when it raises, or be safe to repeat;
                only `Unavailable` is every member's at once.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        origin = REQUEST_ID.get(), TRACEPARENT.get()
        self._waiting.setdefault(key, []).append((item, answer, origin))
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._drain(key), name="coalesced")
        return await answer

    async def _drain(self, key: K) -> None:
        """Work until nobody waits, a group at a time; one that is cancelled takes all along."""
        group: list[tuple[T, asyncio.Future[R], _Origin]] = []
        try:
            while waiting := self._waiting.get(key):
                group, self._waiting[key] = waiting[: self._largest], waiting[self._largest :]
                # Who was cancelled while waiting is not worked for.
                await self._settle(key, [each for each in group if not each[1].done()])
        finally:
            for _, answer, _ in group + self._waiting.pop(key, []):
                answer.cancel()
            del self._tasks[key]

    async def _settle(self, key: K, group: list[tuple[T, asyncio.Future[R], _Origin]]) -> None:
        if not group:
            return
        # What is done for several is told of the first: this task began with somebody else's.
        request_id, traceparent = group[0][2]
        REQUEST_ID.set(request_id)
        TRACEPARENT.set(traceparent)
        try:
            answers = await self._run(key, [item for item, _, _ in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                await asyncio.gather(*(self._settle(key, [each]) for each in group))
                return
            for _, answer, _ in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer, _), value in zip(group, answers, strict=True):
            if not answer.done():
                answer.set_result(value)
