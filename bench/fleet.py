"""A fleet of gateways mapped as its operator would: many at once, each by `POST /mapping`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
from msgspec import Struct

from bench.load import Result, percentile
from bench.processes import Parts
from bench.table import of_parts, say

CONNECTIONS = 64


class FleetResult(Struct, frozen=True, kw_only=True):
    """How it went; `figures` has the rate, the times and the memory."""

    calls: int
    seconds: float
    figures: Result


def print_fleet(result: FleetResult) -> None:
    """One line for it."""
    figures = result.figures
    say(
        f"{figures.name}: {result.calls} calls in {result.seconds:.1f} s,"
        f" {figures.per_second:.0f} per s, p50 {figures.p50:.0f} ms, p99 {figures.p99:.0f} ms,"
        f" {figures.errors} errors; MB at most: {of_parts(figures.megabytes)}"
    )


class Fleet:
    """Gateways of one user.

    Args:
        url: Where provision answers.
        parts: Their memory is watched meanwhile.
    """

    def __init__(self, url: str, token: str, parts: Parts) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._parts = parts

    async def make(self, name: str, count: int) -> FleetResult:
        """Map gateways `<name>-0` to `<name>-<count-1>`."""

        async def one(session: aiohttp.ClientSession, number: int) -> bool:
            label = {"external_id": f"{name}-{number}", "external_key": f"key-{number}"}
            async with session.post(f"{self._url}/mapping", json=label) as answer:
                await answer.read()
                return answer.status == 201

        return await self._all(f"{name}-made", one, count)

    async def remove(self, name: str, count: int) -> FleetResult:
        """Delete them again."""

        async def one(session: aiohttp.ClientSession, number: int) -> bool:
            async with session.delete(f"{self._url}/mappings/{name}-{number}") as answer:
                await answer.read()
                return answer.status == 204

        return await self._all(f"{name}-removed", one, count)

    async def _all(
        self, name: str, one: Callable[[aiohttp.ClientSession, int], Awaitable[bool]], count: int
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

        async def sample() -> None:
            for part, megabytes in (await asyncio.to_thread(self._parts.megabytes)).items():
                most[part] = max(most.get(part, 0.0), megabytes)

        async def watch() -> None:
            while True:
                await sample()
                await asyncio.sleep(1)

        begin = time.perf_counter()
        async with aiohttp.ClientSession(
            headers=self._headers, connector=aiohttp.TCPConnector(limit=CONNECTIONS)
        ) as session:
            watching = asyncio.create_task(watch())
            await asyncio.gather(*(work(session) for _ in range(CONNECTIONS)))
            watching.cancel()
        seconds = time.perf_counter() - begin
        await sample()
        return FleetResult(
            calls=count,
            seconds=seconds,
            figures=Result(
                name=name,
                per_second=count / seconds,
                p50=percentile(times, 0.5) * 1000,
                p99=percentile(times, 0.99) * 1000,
                errors=errors,
                megabytes={part: round(value, 1) for part, value in most.items()},
            ),
        )
