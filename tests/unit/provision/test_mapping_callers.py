"""For whom a gateway is mapped: the caller, or whom the configuration names."""

from __future__ import annotations

import asyncio
from uuid import UUID

import jwt
import pytest

from services.provision.domain import Gateway, NoCredentials
from shared.errors import Unauthenticated
from tests.unit.provision.world import GATEWAY, World


async def test_without_any_credentials_nobody_is_acted_for(world: World) -> None:
    with pytest.raises(NoCredentials):
        await world.map(GATEWAY, None)


async def test_the_configured_api_key_comes_before_the_configured_login() -> None:
    world = World(api_key="api-key", user="john@example.com")

    await world.map(GATEWAY, None)

    assert world.users.logins == []
    assert next(iter(world.journal.plans.values())).owner_id == UUID(int=3)


async def test_the_configured_login_is_kept_and_renewed_before_it_expires() -> None:
    world = World(user="john@example.com")
    soon = 2**31
    world.users.token = jwt.encode({"exp": soon}, "k" * 32, algorithm="HS256")
    for number in range(3):
        await world.map(Gateway(external_id=str(number), external_key="key"), None)
    assert world.users.logins == ["john@example.com"]

    expiring = World(user="john@example.com")
    expiring.users.token = jwt.encode({"exp": 1}, "k" * 32, algorithm="HS256")
    for number in range(2):
        await expiring.map(Gateway(external_id=str(number), external_key="key"), None)

    assert len(expiring.users.logins) == 2


async def test_a_refused_login_is_the_callers_401() -> None:
    world = World(user="john@example.com")
    world.users.fail("login", Unauthenticated())

    with pytest.raises(Unauthenticated):
        await world.map(GATEWAY, None)


async def test_a_login_that_was_ended_before_its_time_is_made_again() -> None:
    world = World(user="john@example.com", revoked={"old"})
    world.users.tokens = ["old", "new"]

    await world.map(GATEWAY, None)

    assert len(world.users.logins) == 2


async def test_all_who_wait_for_the_configured_login_share_one() -> None:
    world = World(user="john@example.com")
    world.users.token = jwt.encode({"exp": 2**31}, "k" * 32, algorithm="HS256")

    await asyncio.gather(
        *(
            world.map(Gateway(external_id=str(number), external_key="key"), None)
            for number in range(10)
        )
    )

    assert len(world.users.logins) == 1
