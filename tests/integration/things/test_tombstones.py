"""Ids that were withdrawn are not used again for a day."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.things.repository.sets import TOMBSTONE_LIFETIME
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import Answer, ThingsApi


class Provision:
    """Applies and withdraws sets for a user."""

    def __init__(self, things_api: ThingsApi, users: UsersStandIn, user: User) -> None:
        self._api = things_api
        self._users = users
        self._user = user

    async def call(self, method: str, mapping_id: UUID, body: dict[str, Any]) -> Answer:
        token = self._users.token(
            self._user.id, kind="service", service="provision", scope=f"mapping:{mapping_id}"
        )
        user = User(self._user.id, token)
        if method == "PUT":
            sets = {"sets": {str(mapping_id): body}}
            return await self._api.call(method, "/internal/sets", user, sets)
        gone = {"sets": [{"mapping_id": str(mapping_id), **body}]}
        return await self._api.call(method, "/internal/sets", user, gone)

    async def withdraw(
        self, things: list[str], channels: list[str], mapping_id: UUID | None = None
    ) -> None:
        body = {"things": things, "channels": channels}
        answer = await self.call("DELETE", mapping_id or uuid4(), body)
        assert answer.status == 204


@pytest.fixture
def provision(things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User) -> Provision:
    return Provision(things_api, users_stand_in, alice)


async def test_a_withdrawn_id_is_not_made_in_any_way(
    things_api: ThingsApi, provision: Provision, alice: User, bob: User
) -> None:
    thing_id, channel_id = str(uuid4()), str(uuid4())
    await provision.withdraw([thing_id], [channel_id])

    answers = [
        await things_api.call("POST", "/things", alice, {"id": thing_id}),
        await things_api.call("POST", "/things", bob, {"id": thing_id}),
        await things_api.call("POST", "/things/bulk", alice, [{}, {"id": thing_id}]),
        await things_api.call("POST", "/channels", alice, {"id": channel_id, "name": "c"}),
        await things_api.call("POST", "/channels/bulk", bob, [{"id": channel_id, "name": "c"}]),
        await provision.call(
            "PUT",
            uuid4(),
            {
                "things": [{"id": thing_id, "name": "t", "secret": "s"}],
                "channels": [],
                "connections": [],
            },
        ),
    ]

    assert {answer.outcome for answer in answers} == {(409, "id_withdrawn")}
    assert (await things_api.call("GET", "/things", alice)).body["total"] == 0
    assert (await things_api.call("GET", "/channels", bob)).body["total"] == 0


async def test_what_others_made_before_stays(
    things_api: ThingsApi, provision: Provision, alice: User
) -> None:
    thing = await things_api.make_thing(alice)

    await provision.withdraw([thing["id"]], [])

    assert (await things_api.call("GET", f"/things/{thing['id']}", alice)).status == 200


async def test_a_thing_made_while_its_id_is_withdrawn_is_there_or_refused(
    things_api: ThingsApi, provision: Provision, alice: User
) -> None:
    for _ in range(15):
        thing_id = str(uuid4())

        made, *_ = await asyncio.gather(
            things_api.call("POST", "/things", alice, {"id": thing_id}),
            provision.withdraw([thing_id], []),
        )

        seen = await things_api.call("GET", f"/things/{thing_id}", alice)
        assert (made.status, seen.status) in {(201, 200), (409, 404)}


async def test_withdrawn_ids_are_let_go_after_a_day(
    things_api: ThingsApi, provision: Provision, things_database: Database, alice: User
) -> None:
    old, young, mapping_id = str(uuid4()), str(uuid4()), uuid4()
    await provision.withdraw([old], [], mapping_id)
    for table in ("withdrawn_ids", "entity_sets"):
        await things_database.execute(
            f"UPDATE {table} SET withdrawn_at = withdrawn_at - $1::interval",  # noqa: S608
            TOMBSTONE_LIFETIME + timedelta(seconds=1),
        )

    await provision.withdraw([young], [])

    assert (await things_api.call("POST", "/things", alice, {"id": old})).status == 201
    assert (await things_api.call("POST", "/things", alice, {"id": young})).status == 409
    assert await things_database.fetchval("SELECT count(*) FROM entity_sets") == 1


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/view")])
async def test_a_token_must_name_every_set_of_a_call(
    things_api: ThingsApi,
    things_database: Database,
    users_stand_in: UsersStandIn,
    alice: User,
    method: str,
    path: str,
) -> None:
    named, unnamed = str(uuid4()), str(uuid4())
    scope = f"withdraw:{named} mapping:{uuid4()}"
    token = users_stand_in.token(alice.id, kind="service", service="provision", scope=scope)

    answers = []
    for mapping_ids in ([named, unnamed], [named]):
        gone = [{"mapping_id": each, "things": [], "channels": []} for each in mapping_ids]
        body = {"sets": gone} if method == "DELETE" else {"mapping_ids": mapping_ids}
        answer = await things_api.call(method, f"/internal/sets{path}", User(alice.id, token), body)
        answers.append(answer.status)
        if answer.status == 403:
            assert await things_database.fetchval("SELECT count(*) FROM entity_sets") == 0

    assert answers == [403, 204 if method == "DELETE" else 200]
