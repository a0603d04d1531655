"""A fleet of gateways mapped as its operator would: many at once, each by `POST /mapping`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
from msgspec import Struct

CONNECTIONS = 64


class FleetResult(Struct, frozen=True, kw_only=True):
    """How it went; times in seconds.

    Attributes:
        slowest: What 99 of 100 calls were quicker than.
        megabytes: The most memory seen of a process meanwhile, by part.
    """

    calls: int
    seconds: float
    slowest: float
    errors: int
    megabytes: dict[str, float]


class Fleet:
    """Gateways of one user.

    Args:
        url: Where provision answers.
        memory: Tells how many megabytes each part holds now.
    """

    def __init__(self, url: str, token: str, memory: Callable[[], dict[str, float]]) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._memory = memory

    async def make(self, name: str, count: int) -> FleetResult:
        """Map gateways `<name>-0` to `<name>-<count-1>`."""

        async def one(session: aiohttp.ClientSession, number: int) -> bool:
            label = {"external_id": f"{name}-{number}", "external_key": f"key-{number}"}
            async with session.post(f"{self._url}/mapping", json=label) as answer:
                await answer.read()
                return answer.status == 201

        return await self._all(one, count)

    async def remove(self, name: str, count: int) -> FleetResult:
        """Delete them again."""

        async def one(session: aiohttp.ClientSession, number: int) -> bool:
            async with session.delete(f"{self._url}/mappings/{name}-{number}") as answer:
                await answer.read()
                return answer.status == 204

        return await self._all(one, count)

    async def _all(
        self, one: Callable[[aiohttp.ClientSession, int], Awaitable[bool]], count: int
    ) -> FleetResult:
        numbers = iter(range(count))
        times: list[float] = []
        errors = 0
        most: dict[str, float] = {}

        async def work(session: aiohttp.ClientSession) -> None:
            nonlocal errors
            for number in numbers:
                started = time.perf_counter()
                try:
                    errors += not await one(session, number)
                except aiohttp.ClientError:
                    errors += 1
                times.append(time.perf_counter() - started)

        async def watch() -> None:
            while True:
                for part, megabytes in self._memory().items():
                    most[part] = max(most.get(part, 0.0), megabytes)
                await asyncio.sleep(0.5)

        begin = time.perf_counter()
        async with aiohttp.ClientSession(
            headers=self._headers, connector=aiohttp.TCPConnector(limit=CONNECTIONS)
        ) as session:
            watching = asyncio.create_task(watch())
            await asyncio.gather(*(work(session) for _ in range(CONNECTIONS)))
            watching.cancel()
        seconds = time.perf_counter() - begin
        times.sort()
        return FleetResult(
            calls=count,
            seconds=seconds,
            slowest=times[int(len(times) * 0.99)],
            errors=errors,
            megabytes={part: round(value) for part, value in most.items()},
        )
