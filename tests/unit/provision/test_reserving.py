"""Mapping ids reserved in advance, and the tokens that are good for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.provision.service.reserving import Reservations, Reserved
from shared.contracts.users import LARGEST_EXCHANGE, ExchangedTokenBody
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.http.auth import Caller
from tests.fakes.provision import MemoryUsers

ALICE = Caller(user_id=UUID(int=1), token="token-of-alice")
BOB = Caller(user_id=UUID(int=2), token="token-of-bob")
LIFETIME_SECONDS = 120
DEADLINE = timedelta(seconds=60)


class CountingUsers(MemoryUsers):
    """Users that remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        self.asked.append((token, scope))
        await asyncio.sleep(0)
        return await super().act_for_caller(token, scope)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def users() -> CountingUsers:
    return CountingUsers()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reservations(users: CountingUsers, clock: Clock) -> Reservations:
    return Reservations(users, new_id=uuid4, deadline=DEADLINE, clock=clock)


def names(token: str, reserved: Reserved) -> bool:
    return f"mapping:{reserved.mapping_id}" in token.split(" ")


async def test_a_single_mapping_has_a_token_for_itself_alone(
    reservations: Reservations, users: CountingUsers
) -> None:
    reserved = reservations.reserve(ALICE)

    await reserved.block.token()

    assert users.asked == [(ALICE.token, f"mapping:{reserved.mapping_id}")]


async def test_each_mapping_has_an_id_of_its_own_that_its_token_names(
    reservations: Reservations,
) -> None:
    all_reserved = [reservations.reserve(ALICE) for _ in range(200)]

    assert len({reserved.mapping_id for reserved in all_reserved}) == 200
    for reserved in all_reserved:
        assert names(await reserved.block.token(), reserved)


async def test_the_more_a_caller_maps_the_more_mappings_a_token_names(
    reservations: Reservations, users: CountingUsers
) -> None:
    for _ in range(200):
        await reservations.reserve(ALICE).block.token()

    sizes = [len(scope.split(" ")) for _, scope in users.asked]
    assert sizes == [1, 2, 4, 8, 16, *[LARGEST_EXCHANGE] * 6]


async def test_a_token_is_for_one_caller(reservations: Reservations, users: CountingUsers) -> None:
    for caller in (ALICE, BOB, ALICE, BOB):
        await reservations.reserve(caller).block.token()

    assert {token for token, _ in users.asked} == {ALICE.token, BOB.token}
    scopes = [(token, each) for token, scope in users.asked for each in scope.split(" ")]
    assert len({each for _, each in scopes}) == len(scopes)


async def test_a_mapping_begins_only_with_a_token_that_lasts_until_its_deadline(
    reservations: Reservations, users: CountingUsers, clock: Clock
) -> None:
    for _ in range(4):  # the third token names four, so three are left
        await reservations.reserve(ALICE).block.token()
    clock.now += LIFETIME_SECONDS - DEADLINE.total_seconds() - 1
    await reservations.reserve(ALICE).block.token()
    assert len(users.asked) == 3
    clock.now += 1

    reserved = reservations.reserve(ALICE)
    await reserved.block.token()

    assert users.asked[3:] == [(ALICE.token, f"mapping:{reserved.mapping_id}")]


async def test_mappings_of_one_block_share_the_exchange(
    reservations: Reservations, users: CountingUsers
) -> None:
    await reservations.reserve(ALICE).block.token()
    pair = [reservations.reserve(ALICE) for _ in range(2)]

    first, second = await asyncio.gather(*(reserved.block.token() for reserved in pair))

    assert first == second
    assert len(users.asked) == 2


async def test_an_exchange_that_failed_is_made_again(
    reservations: Reservations, users: CountingUsers
) -> None:
    users.fail("act_for_caller", Unavailable("down"))
    reserved = reservations.reserve(ALICE)

    with pytest.raises(Unavailable):
        await reserved.block.token()

    assert names(await reserved.block.token(), reserved)


async def test_a_caller_who_is_not_accepted_is_told(
    reservations: Reservations, users: CountingUsers
) -> None:
    users.fail("act_for_caller", Unauthenticated())

    with pytest.raises(Unauthenticated):
        await reservations.reserve(ALICE).block.token()


async def test_that_provision_is_not_accepted_is_not_the_callers_fault(
    reservations: Reservations, users: CountingUsers
) -> None:
    refusal = Forbidden()
    refusal.code = "grant_refused"
    users.fail("act_for_caller", refusal)

    with pytest.raises(Unavailable):
        await reservations.reserve(ALICE).block.token()


async def test_callers_who_map_no_more_are_forgotten(
    reservations: Reservations, users: CountingUsers
) -> None:
    await reservations.reserve(ALICE).block.token()
    for number in range(1100):
        reservations.reserve(Caller(user_id=UUID(int=number + 10), token=f"token {number}"))

    reserved = reservations.reserve(ALICE)
    await reserved.block.token()

    assert users.asked[-1] == (ALICE.token, f"mapping:{reserved.mapping_id}")
