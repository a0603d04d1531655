"""What provision calls bootstrap with, against the real service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpServer

from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings
from shared.clients.base import client_session
from shared.clients.bootstrap import BootstrapClient
from shared.contracts.bootstrap import SetConfigBody
from shared.errors import Conflict, Forbidden, InvalidInput, Unavailable
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User


class Bootstrap(Struct, frozen=True):
    """The client and, to see what it did, the service's database."""

    client: BootstrapClient
    database: Database
    users: UsersStandIn

    def token(self, user: User, mapping_id: UUID) -> str:
        return self.users.token(
            user.id, kind="service", service="provision", scope=f"mapping:{mapping_id}"
        )

    async def count(self) -> int:
        number: int = await self.database.fetchval("SELECT count(*) FROM configs")
        return number


@pytest.fixture
async def bootstrap(
    aiohttp_server: AiohttpServer,
    make_settings: MakeSettings[BootstrapSettings],
    users_url: str,
    users_stand_in: UsersStandIn,
) -> AsyncIterator[Bootstrap]:
    settings = await make_settings(BootstrapSettings, "bootstrap", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with (
        client_session() as session,
        Database.open(settings.database_url, size=1) as database,
    ):
        yield Bootstrap(
            BootstrapClient(session, str(server.make_url("/"))), database, users_stand_in
        )


def make_config(external_id: str = "gateway") -> SetConfigBody:
    return SetConfigBody(
        thing_id=uuid4(),
        thing_secret="thing-key",
        external_id=external_id,
        external_key="label-key",
        name="gateway",
        content="{}",
        channels=[],
    )


async def test_applying_makes_the_config_once(bootstrap: Bootstrap, alice: User) -> None:
    mapping_id, config = uuid4(), make_config()
    token = bootstrap.token(alice, mapping_id)

    await bootstrap.client.apply_configs(token, {mapping_id: config})
    await bootstrap.client.apply_configs(token, {mapping_id: config})

    assert await bootstrap.count() == 1


async def test_a_taken_external_id_is_a_conflict(bootstrap: Bootstrap, alice: User) -> None:
    first, second = uuid4(), uuid4()
    await bootstrap.client.apply_configs(bootstrap.token(alice, first), {first: make_config()})

    with pytest.raises(Conflict) as refused:
        await bootstrap.client.apply_configs(
            bootstrap.token(alice, second), {second: make_config()}
        )

    assert refused.value.code == "external_id_taken"
    assert await bootstrap.count() == 1


async def test_withdrawing_removes_the_config(bootstrap: Bootstrap, alice: User) -> None:
    mapping_id = uuid4()
    token = bootstrap.token(alice, mapping_id)
    await bootstrap.client.apply_configs(token, {mapping_id: make_config()})

    await bootstrap.client.withdraw_config(token, mapping_id)
    await bootstrap.client.withdraw_config(token, mapping_id)

    assert await bootstrap.count() == 0


async def test_applying_what_was_withdrawn_unseen_is_a_conflict(
    bootstrap: Bootstrap, alice: User
) -> None:
    mapping_id = uuid4()
    token = bootstrap.token(alice, mapping_id)
    await bootstrap.client.withdraw_config(token, mapping_id)

    with pytest.raises(Conflict) as refused:
        await bootstrap.client.apply_configs(token, {mapping_id: make_config()})

    assert refused.value.code == "id_withdrawn"
    assert await bootstrap.count() == 0


async def test_applying_and_withdrawing_at_once_leaves_nothing(
    bootstrap: Bootstrap, alice: User
) -> None:
    async def race(number: int) -> BaseException | None:
        mapping_id, config = uuid4(), make_config(f"gateway {number}")
        token = bootstrap.token(alice, mapping_id)
        calls = [
            bootstrap.client.apply_configs(token, {mapping_id: config}),
            bootstrap.client.withdraw_config(token, mapping_id),
        ]
        first, second = await asyncio.gather(
            *(calls if number % 2 else reversed(calls)), return_exceptions=True
        )
        applied, withdrawn = (first, second) if number % 2 else (second, first)
        assert withdrawn is None
        return applied

    outcomes = await asyncio.gather(*(race(number) for number in range(40)))

    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert {getattr(refusal, "code", refusal) for refusal in refusals} <= {"id_withdrawn"}
    assert await bootstrap.count() == 0


async def test_another_mappings_token_is_forbidden(bootstrap: Bootstrap, alice: User) -> None:
    token = bootstrap.token(alice, uuid4())

    with pytest.raises(Forbidden):
        await bootstrap.client.apply_configs(token, {uuid4(): make_config()})
    with pytest.raises(Forbidden):
        await bootstrap.client.withdraw_config(token, uuid4())


async def test_a_config_without_external_id_is_invalid(bootstrap: Bootstrap, alice: User) -> None:
    mapping_id = uuid4()

    with pytest.raises(InvalidInput) as refused:
        await bootstrap.client.apply_configs(
            bootstrap.token(alice, mapping_id), {mapping_id: make_config("")}
        )

    assert refused.value.reason == "missing entity id"


async def test_a_service_that_does_not_answer_is_unavailable(unused_tcp_port: int) -> None:
    async with client_session() as session:
        client = BootstrapClient(session, f"http://127.0.0.1:{unused_tcp_port}")

        with pytest.raises(Unavailable):
            await client.withdraw_config("token", uuid4())


async def test_configs_withdrawn_at_the_same_moment_are_gone_and_a_refused_one_harms_no_other(
    bootstrap: Bootstrap, alice: User, bob: User
) -> None:
    mapping_ids = [uuid4() for _ in range(30)]
    bobs, unnamed, *own = mapping_ids
    for number, mapping_id in enumerate(mapping_ids[:-3]):  # some were never made
        owner = bob if mapping_id == bobs else alice
        await bootstrap.client.apply_configs(
            bootstrap.token(owner, mapping_id), {mapping_id: make_config(f"gateway {number}")}
        )
    scope = " ".join(f"withdraw:{each}" for each in [bobs, *own])
    token = bootstrap.users.token(alice.id, kind="service", service="provision", scope=scope)

    outcomes = await asyncio.gather(
        *(bootstrap.client.withdraw_config(token, each) for each in mapping_ids),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes[:2]] == [Forbidden, Forbidden]
    assert outcomes[2:] == [None] * 28
    left = await bootstrap.database.fetch("SELECT mapping_id FROM configs")
    assert {row["mapping_id"] for row in left} == {bobs, unnamed}
    with pytest.raises(Conflict) as refused:
        await bootstrap.client.apply_configs(
            bootstrap.token(alice, own[-1]), {own[-1]: make_config("late")}
        )
    assert refused.value.code == "id_withdrawn"
