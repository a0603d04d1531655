"""Guessing a password is refused by address, and slowed down and announced by name."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from services.users.service import guessing
from services.users.service.guessing import ALARMING, AttemptLimit, LoginGuard
from shared.errors import TooManyRequests
from tests.unit.users.counts import Counts
from tests.unit.users.test_logins import ALICE

NAME = ALICE.user.identity


class Sleeps:
    """Remembers how long it should have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def guard_of(sleep: Sleeps, *, limit: int = 3, is_slowing: bool = True) -> LoginGuard:
    return LoginGuard(
        by_address=Counts(limit), by_identity=Counts(), is_slowing=is_slowing, sleep=sleep
    )


async def test_one_address_is_refused_and_others_are_not() -> None:
    guard = guard_of(Sleeps())
    for _ in range(3):
        await guard.note_failure("192.0.2.1", NAME, ALICE.user)

    with pytest.raises(TooManyRequests):
        await guard.admit("192.0.2.1", NAME)
    await guard.admit("192.0.2.2", NAME)
    await guard.admit("192.0.2.1", "bob@example.com")


async def test_many_addresses_together_only_slow_logins_down() -> None:
    sleep = Sleeps()
    guard = guard_of(sleep)
    for number in range(ALARMING + 5):
        await guard.note_failure(f"192.0.2.{number}", NAME, ALICE.user)

    await guard.admit("198.51.100.1", NAME)
    for number in range(100):
        await guard.note_failure(f"203.0.113.{number}", NAME, ALICE.user)
    await guard.admit("198.51.100.1", NAME)

    assert sleep.seconds == [0.5, 2.0]


@pytest.mark.parametrize("user", [ALICE.user, None])
async def test_the_alarm_is_raised_once_a_minute_whether_or_not_there_is_such_an_account(
    user: object,
) -> None:
    guard = guard_of(Sleeps(), limit=0)
    before = guessing.ALARMS._value.get()

    with capture_logs() as logs:
        for _ in range(ALARMING + 1):
            await guard.note_failure("192.0.2.1", NAME, ALICE.user if user else None)

    assert [entry["event"] for entry in logs] == ["logins_refused"]
    assert NAME not in str(logs)
    assert guessing.ALARMS._value.get() == before + 1


async def test_nothing_is_slowed_down_when_limits_are_off() -> None:
    sleep = Sleeps()
    guard = guard_of(sleep, limit=0, is_slowing=False)
    for _ in range(ALARMING + 5):
        await guard.note_failure("192.0.2.1", NAME, None)

    await guard.admit("192.0.2.1", NAME)

    assert sleep.seconds == []


async def test_attempts_of_one_address_have_an_end() -> None:
    limit = AttemptLimit(Counts(2), 2)
    await limit.admit("192.0.2.1")
    await limit.admit("192.0.2.1")

    with pytest.raises(TooManyRequests):
        await limit.admit("192.0.2.1")
    await limit.admit("192.0.2.2")


async def test_attempts_are_not_even_counted_without_a_limit() -> None:
    counts = Counts(1)
    limit = AttemptLimit(counts, 0)

    for _ in range(3):
        await limit.admit("192.0.2.1")

    assert counts.failures("192.0.2.1") == 0
