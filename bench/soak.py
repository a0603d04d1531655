"""A steady mixed load for as long as wanted, and whether memory stays where it is.

What is made is removed again, so that the platform holds as much at the end as at the beginning:
what its memory grows by meanwhile is not given back.
"""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import aiohttp
from msgspec import Struct

from bench.load import Result, percentile
from bench.processes import Parts
from bench.seeding import LOGIN, World
from bench.table import say

_CALLERS = 4
_PAUSE_SECONDS = 0.005
_SAMPLE_SECONDS = 5.0
_ROUNDS_PER_REFRESH, _ROUNDS_PER_LOGIN = 20, 100
_SETTLED_SECONDS = 60.0

Sample = tuple[float, float]  # seconds since the beginning, megabytes


class Course(Struct, frozen=True, kw_only=True):
    """How the memory of a part went, in megabytes.

    Attributes:
        settled: After the first minute, or at the end of what is shorter.
        slope: Gained per minute over the last two thirds.
    """

    settled: float
    end: float
    highest: float
    slope: float


def course_of(samples: list[Sample]) -> Course:
    """Sum up the samples of a part, of which there is at least one, oldest first."""
    end = samples[-1]
    settled = next((sample for sample in samples if sample[0] >= _SETTLED_SECONDS), end)
    return Course(
        settled=settled[1],
        end=end[1],
        highest=max(megabytes for _, megabytes in samples),
        slope=_slope([sample for sample in samples if sample[0] >= end[0] / 3]) * 60,
    )


def _slope(samples: list[Sample]) -> float:
    """Of the straight line that is nearest to them by least squares."""
    middle = sum(seconds for seconds, _ in samples) / len(samples)
    spread = sum((seconds - middle) ** 2 for seconds, _ in samples)
    rise = sum((seconds - middle) * megabytes for seconds, megabytes in samples)
    return rise / spread if spread else 0.0


class Soak:
    """Callers that do what a platform sees all day."""

    def __init__(self, world: World, parts: Parts) -> None:
        self._world = world
        self._parts = parts
        self._times: defaultdict[str, array[float]] = defaultdict(lambda: array("f"))
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        self._errors = 0
        self._first_error = ""

    async def run(self, minutes: float) -> Result:
        """Load the platform for that long, print what came out, and stop."""
        begin = time.monotonic()
        used = sum(self._parts.cpu_seconds().values())
        async with aiohttp.ClientSession() as session:
            watching = asyncio.create_task(self._watch(begin))
            await asyncio.gather(
                *(self._call(session, number, begin + minutes * 60) for number in range(_CALLERS))
            )
            watching.cancel()
        seconds = time.monotonic() - begin
        await self._sample(begin)
        share = (sum(self._parts.cpu_seconds().values()) - used) / seconds
        return self._tell(seconds, share / len(os.sched_getaffinity(0)))

    async def _call(self, session: aiohttp.ClientSession, caller: int, end: float) -> None:
        tokens = await self._log_in(session)
        number = 0
        while time.monotonic() < end:
            number += 1
            if number % _ROUNDS_PER_LOGIN == 0:
                tokens = await self._log_in(session) or tokens
            elif number % _ROUNDS_PER_REFRESH == 0:
                bearer = f"Bearer {tokens.get('refresh_token')}"
                url = f"{self._world.users}/users/tokens/refresh"
                tokens = await self._do(session, "refresh", "POST", url, bearer) or tokens
            await self._set_up_and_remove(session, f"soak-{caller}-{number}", tokens)

    async def _log_in(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        url = f"{self._world.users}/users/tokens/issue"
        return await self._do(session, "login", "POST", url, "", LOGIN)

    async def _set_up_and_remove(
        self, session: aiohttp.ClientSession, external_id: str, tokens: Mapping[str, Any]
    ) -> None:
        """A gateway from its mapping over its first message to its end, and a thing by hand."""
        world, bearer = self._world, f"Bearer {tokens.get('access_token')}"
        label = {"external_id": external_id, "external_key": "key"}
        mapping = await self._do(
            session, "map", "POST", f"{world.provision}/mapping", bearer, label
        )
        if mapping:
            url = f"{world.bootstrap}/things/bootstrap/{external_id}"
            await self._do(session, "fetch", "GET", url, "Thing key")
            device = f"Thing {mapping['things'][0]['key']}"
            await self._do(session, "identify", "POST", f"{world.things}/identify", device)
            channel = mapping["channels"][0]["id"]
            url = f"{world.http_adapter}/channels/{channel}/messages"
            await self._do(session, "message", "POST", url, device, [{"n": "t", "v": 20.5}])
        thing = await self._do(
            session, "create", "POST", f"{world.things}/things", bearer, {"name": "soak"}
        )
        await self._do(session, "list", "GET", f"{world.things}/things?limit=10", bearer)
        if thing:
            url = f"{world.things}/things/{thing['id']}"
            await self._do(session, "view", "GET", url, bearer)
            await self._do(session, "delete", "DELETE", url, bearer)
        if mapping:
            url = f"{world.provision}/mappings/{external_id}"
            await self._do(session, "unmap", "DELETE", url, bearer)

    async def _do(
        self,
        session: aiohttp.ClientSession,
        name: str,
        method: str,
        url: str,
        authorization: str,
        body: object = None,
    ) -> dict[str, Any]:
        """Make one call, then pause; what it answered, or nothing if it failed."""
        headers = {"Authorization": authorization} if authorization else {}
        begin = time.perf_counter()
        try:
            async with session.request(method, url, json=body, headers=headers) as answer:
                text = await answer.text()
                if not answer.ok:
                    self._fail(f"{method} {url}: {answer.status} {text[:200]}")
                    return {}
                self._times[name].append((time.perf_counter() - begin) * 1000)
                is_json = answer.content_type == "application/json" and text
                content: dict[str, Any] = await answer.json() if is_json else {}
                return content
        except (aiohttp.ClientError, TimeoutError) as error:
            self._fail(f"{method} {url}: {error!r}")
            return {}
        finally:
            await asyncio.sleep(_PAUSE_SECONDS)

    def _fail(self, told: str) -> None:
        self._errors += 1
        self._first_error = self._first_error or told

    async def _watch(self, begin: float) -> None:
        while True:
            await self._sample(begin)
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _sample(self, begin: float) -> None:
        held = await asyncio.to_thread(self._parts.megabytes)
        for part, megabytes in held.items():
            self._samples[part].append((time.monotonic() - begin, megabytes))

    def _tell(self, seconds: float, share: float) -> Result:
        everything = [each for times in self._times.values() for each in times]
        say(
            f"\nsoak: {len(everything)} calls in {seconds:.0f} s,"
            f" {len(everything) / seconds:.0f} per s, {self._errors} errors;"
            f" the platform took {share:.0%} of the machine"
        )
        if self._first_error:
            say(f"first error: {self._first_error}")
        told = (f"{name} {percentile(list(t), 0.99):.0f}" for name, t in self._times.items())
        say(f"p99 ms: {', '.join(told)}")
        say("part            MB after a minute   at the end   highest   MB per minute, last 2/3")
        for part, samples in self._samples.items():
            course = course_of(samples)
            say(
                f"{part:<16}{course.settled:>17.1f}{course.end:>13.1f}{course.highest:>10.1f}"
                f"{course.slope:>16.2f}"
            )
        return Result(
            name="soak",
            per_second=len(everything) / seconds,
            p50=percentile(everything, 0.5),
            p99=percentile(everything, 0.99),
            errors=self._errors,
            megabytes={
                part: round(course_of(samples).highest, 1)
                for part, samples in self._samples.items()
            },
        )
