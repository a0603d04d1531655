"""Many failures slow a gateway's fetches down, up to a bound, and lock nobody out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import pytest

from services.bootstrap.domain import Config, Fetch
from services.bootstrap.service.guessing import ALARMING, GuessingGuard
from shared.contracts.bootstrap import State

CONFIG = Config(
    thing_id=UUID(int=1),
    owner_id=UUID(int=2),
    thing_key="",
    external_id="gateway",
    external_key="",
    state=State.ACTIVE,
)


class Counts:
    """Counts without end, and refuses nobody."""

    def __init__(self) -> None:
        self.by_key: Counter[tuple[str, ...]] = Counter()

    async def check(self, *key: str) -> None:
        return

    async def note_failure(self, *key: str) -> int:
        self.by_key[key] += 1
        return self.by_key[key]

    def failures(self, *key: str) -> int:
        return self.by_key[key]


class Announced:
    """Remembers what would have been told."""

    def __init__(self) -> None:
        self.failures: list[int] = []

    async def record_fetches(
        self, fetches: Mapping[UUID, Fetch], delivered: Mapping[UUID, datetime]
    ) -> None:
        raise NotImplementedError

    async def announce_refusals(self, config: Config, failures: int) -> None:
        self.failures.append(failures)


class Sleeps:
    """Remembers how long was waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


def make_guard(announced: Announced, sleeps: Sleeps, *, is_slowing: bool = True) -> GuessingGuard:
    return GuessingGuard(
        announced, by_address=Counts(), by_gateway=Counts(), is_slowing=is_slowing, sleep=sleeps
    )


async def fail(guard: GuessingGuard, times: int, config: Config | None = CONFIG) -> None:
    for number in range(times):
        await guard.note_failure(f"address {number}", "gateway", config)


async def test_a_few_failures_slow_nobody_down(announced: Announced, sleeps: Sleeps) -> None:
    guard = make_guard(announced, sleeps)

    await fail(guard, ALARMING)

    await guard.admit("elsewhere", "gateway")
    assert sleeps.seconds == []


async def test_the_more_failures_the_longer_the_wait_but_never_long(
    announced: Announced, sleeps: Sleeps
) -> None:
    guard = make_guard(announced, sleeps)
    await fail(guard, ALARMING + 1)
    await guard.admit("elsewhere", "gateway")
    await fail(guard, 1000)
    await guard.admit("elsewhere", "gateway")

    await guard.admit("elsewhere", "other gateway")

    assert sleeps.seconds == [0.1, 2.0]


async def test_without_a_limit_nobody_waits(announced: Announced, sleeps: Sleeps) -> None:
    guard = make_guard(announced, sleeps, is_slowing=False)

    await fail(guard, 1000)

    await guard.admit("elsewhere", "gateway")
    assert sleeps.seconds == []


async def test_the_alarm_is_raised_once(announced: Announced, sleeps: Sleeps) -> None:
    guard = make_guard(announced, sleeps)

    await fail(guard, ALARMING - 1)
    before = list(announced.failures)
    await fail(guard, 1000)

    assert (before, announced.failures) == ([], [ALARMING])


async def test_nobody_is_told_of_ids_that_no_gateway_has(
    announced: Announced, sleeps: Sleeps
) -> None:
    guard = make_guard(announced, sleeps)

    await fail(guard, 1000, config=None)

    assert announced.failures == []
