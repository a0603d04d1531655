"""What provision calls things with, against the real service."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpServer

from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.clients.base import client_session
from shared.clients.things import ThingsClient
from shared.contracts.events import Event
from shared.contracts.things import (
    EntitySetBody,
    SetChannel,
    SetConnection,
    SetStateBody,
    SetThing,
    SetThingState,
    WithdrawSetBody,
)
from shared.contracts.things_events import ThingDeleted
from shared.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User

NOTHING = {"things": 0, "channels": 0, "connections": 0}


class Things(Struct, frozen=True):
    """The client and, to see what it did, the service's database."""

    client: ThingsClient
    database: Database
    users: UsersStandIn

    def token(
        self, user: User, mapping_id: UUID, *, may: str = "mapping", service: str = "provision"
    ) -> str:
        return self.users.token(
            user.id, kind="service", service=service, scope=f"{may}:{mapping_id}"
        )

    def token_for_all(self, user: User, mapping_ids: Iterable[UUID], *, may: str) -> str:
        scope = " ".join(f"{may}:{mapping_id}" for mapping_id in mapping_ids)
        return self.users.token(user.id, kind="service", service="provision", scope=scope)

    async def apply(self, user: User, mapping_id: UUID, entities: EntitySetBody) -> str:
        made = await self.client.apply_sets(self.token(user, mapping_id), {mapping_id: entities})
        return made[mapping_id]

    async def withdraw(self, user: User, mapping_id: UUID, entities: EntitySetBody) -> None:
        await self.client.withdraw_set(
            self.token(user, mapping_id, may="withdraw"), mapping_id, ids_of(entities)
        )

    async def view(
        self, user: User, mapping_id: UUID, *, may: str = "mapping", service: str = "provision"
    ) -> SetStateBody:
        token = self.token(user, mapping_id, may=may, service=service)
        return await self.client.view_set(token, mapping_id)

    async def counts(self) -> dict[str, int]:
        row = await self.database.fetchrow(
            """
            SELECT (SELECT count(*) FROM things) AS things,
                   (SELECT count(*) FROM channels) AS channels,
                   (SELECT count(*) FROM connections) AS connections
            """
        )
        assert row is not None
        return dict(row)


@pytest.fixture
async def things(
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    users_stand_in: UsersStandIn,
    aiohttp_server: AiohttpServer,
) -> AsyncIterator[Things]:
    settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with (
        client_session() as session,
        Database.open(settings.database_url, size=1) as database,
    ):
        yield Things(ThingsClient(session, str(server.make_url("/"))), database, users_stand_in)


def make_set(**changed: Any) -> EntitySetBody:
    gateway = SetThing(
        id=uuid4(),
        name="gateway",
        secret=str(uuid4()),
        tags=["a", "b"],
        metadata={"external_id": "x"},
    )
    sensor = SetThing(id=uuid4(), name="sensor", secret=str(uuid4()))
    control = SetChannel(id=uuid4(), name="control", metadata={"type": "control"})
    data = SetChannel(id=uuid4(), name="data", metadata={"type": "data"})
    made = EntitySetBody(
        things=[gateway, sensor],
        channels=[control, data],
        connections=[
            SetConnection(thing_id=gateway.id, channel_id=control.id),
            SetConnection(thing_id=gateway.id, channel_id=data.id, actions=("m_read",)),
            SetConnection(thing_id=sensor.id, channel_id=data.id),
        ],
    )
    return msgspec.structs.replace(made, **changed)


def ids_of(entities: EntitySetBody) -> WithdrawSetBody:
    return WithdrawSetBody(
        things=[thing.id for thing in entities.things],
        channels=[channel.id for channel in entities.channels],
    )


async def test_an_applied_set_is_there_as_it_was_given(things: Things, alice: User) -> None:
    entities = make_set()

    created_at = await things.apply(alice, uuid4(), entities)

    rows = await things.database.fetch(
        "SELECT id, owner_id, name, tags, metadata, status FROM things ORDER BY created_at"
    )
    assert [dict(row) for row in rows] == [
        {
            "id": thing.id,
            "owner_id": alice.id,
            "name": thing.name,
            "tags": thing.tags,
            "metadata": thing.metadata,
            "status": "enabled",
        }
        for thing in entities.things
    ]
    connections = await things.database.fetch(
        "SELECT thing_id, channel_id, actions FROM connections"
    )
    assert {(row["thing_id"], row["channel_id"], tuple(row["actions"])) for row in connections} == {
        (each.thing_id, each.channel_id, each.actions) for each in entities.connections
    }
    assert created_at.endswith("Z")


async def test_a_repeat_finds_the_set_and_answers_the_same(things: Things, alice: User) -> None:
    mapping_id, entities = uuid4(), make_set()

    answers = await asyncio.gather(*(things.apply(alice, mapping_id, entities) for _ in range(5)))

    assert len(set(answers)) == 1
    assert await things.counts() == {"things": 2, "channels": 2, "connections": 3}


async def test_an_empty_set_can_be_applied(things: Things, alice: User) -> None:
    await things.apply(alice, uuid4(), EntitySetBody(things=[], channels=[], connections=[]))

    assert await things.counts() == NOTHING


async def test_a_withdrawn_set_is_gone_and_may_be_withdrawn_again(
    things: Things, alice: User
) -> None:
    mapping_id, entities = uuid4(), make_set()
    await things.apply(alice, mapping_id, entities)

    await things.withdraw(alice, mapping_id, entities)
    await things.withdraw(alice, mapping_id, entities)

    assert await things.counts() == NOTHING


@pytest.mark.parametrize("was_applied", [True, False])
async def test_a_withdrawn_set_is_never_made_again(
    things: Things, alice: User, was_applied: bool
) -> None:
    mapping_id, entities = uuid4(), make_set()
    if was_applied:
        await things.apply(alice, mapping_id, entities)
    await things.withdraw(alice, mapping_id, entities)

    with pytest.raises(Conflict) as refusal:
        await things.apply(alice, mapping_id, entities)

    assert refusal.value.code == "id_withdrawn"
    assert await things.counts() == NOTHING


async def test_applying_and_withdrawing_at_once_leaves_nothing(things: Things, alice: User) -> None:
    for _ in range(25):
        mapping_id, entities = uuid4(), make_set()

        answers = await asyncio.gather(
            things.apply(alice, mapping_id, entities),
            things.withdraw(alice, mapping_id, entities),
            things.apply(alice, mapping_id, entities),
            return_exceptions=True,
        )

        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        assert {getattr(refusal, "code", refusal) for refusal in refusals} <= {"id_withdrawn"}
    assert await things.counts() == NOTHING


async def test_a_taken_id_or_secret_leaves_nothing_and_no_claim(
    things: Things, alice: User, bob: User
) -> None:
    first, second = make_set(), make_set()
    await things.apply(bob, uuid4(), first)
    mapping_id = uuid4()

    for taken in (
        make_set(things=[first.things[0]], connections=[]),
        make_set(channels=[first.channels[0]], connections=[]),
        make_set(
            things=[msgspec.structs.replace(second.things[0], secret=first.things[1].secret)],
            connections=[],
        ),
    ):
        with pytest.raises(Conflict) as refusal:
            await things.apply(alice, mapping_id, taken)

        assert refusal.value.code in {"id_taken", "secret_taken"}

    assert await things.counts() == {"things": 2, "channels": 2, "connections": 3}
    await things.apply(alice, mapping_id, second)
    assert await things.counts() == {"things": 4, "channels": 4, "connections": 6}


async def test_another_users_mapping_id_is_a_conflict(
    things: Things, alice: User, bob: User
) -> None:
    mapping_id, entities = uuid4(), make_set()
    await things.apply(alice, mapping_id, entities)

    for attempt in (things.apply, things.withdraw):
        with pytest.raises(Conflict) as refusal:
            await attempt(bob, mapping_id, entities)

        assert refusal.value.code == "mapping_id_taken"

    assert await things.counts() == {"things": 2, "channels": 2, "connections": 3}


async def test_withdrawing_removes_only_what_the_set_made(
    things: Things, alice: User, bob: User
) -> None:
    kept, mapping_id, entities = make_set(), uuid4(), make_set()
    await things.apply(alice, uuid4(), kept)
    await things.apply(alice, mapping_id, entities)
    await things.database.execute(
        "UPDATE things SET owner_id = $1 WHERE id = $2", bob.id, entities.things[1].id
    )
    named = msgspec.structs.replace(
        entities,
        things=[*entities.things, *kept.things],
        channels=[entities.channels[0], *kept.channels],
    )

    await things.withdraw(alice, mapping_id, named)

    left = await things.database.fetch("SELECT id FROM things UNION ALL SELECT id FROM channels")
    assert {row["id"] for row in left} == {
        *(thing.id for thing in kept.things),
        *(channel.id for channel in kept.channels),
        entities.things[1].id,
        entities.channels[1].id,
    }


@pytest.mark.parametrize("flaw", ["foreign thing", "foreign channel", "twice", "action", "secret"])
async def test_a_set_that_is_not_whole_is_refused(
    things: Things, alice: User, bob: User, flaw: str
) -> None:
    others, entities = make_set(), make_set()
    await things.apply(bob, uuid4(), others)
    connection = entities.connections[0]
    flawed: dict[str, dict[str, Any]] = {
        "foreign thing": {"thing_id": others.things[0].id},
        "foreign channel": {"channel_id": others.channels[0].id},
        "twice": {"channel_id": entities.connections[1].channel_id},
        "action": {"actions": ("publish",)},
    }
    if flaw == "secret":
        nameless = msgspec.structs.replace(entities.things[0], secret="")
        broken = msgspec.structs.replace(entities, things=[nameless, entities.things[1]])
    else:
        changed = msgspec.structs.replace(connection, **flawed[flaw])
        broken = msgspec.structs.replace(entities, connections=[changed, *entities.connections[1:]])

    with pytest.raises(InvalidInput):
        await things.apply(alice, uuid4(), broken)

    assert await things.counts() == {"things": 2, "channels": 2, "connections": 3}


async def test_only_provision_with_a_token_for_this_mapping_may(
    things: Things, alice: User, admin: User
) -> None:
    mapping_id, entities = uuid4(), make_set()

    async def refusals(token: str) -> list[type[DomainError]]:
        kinds = []
        for call in (
            things.client.apply_sets(token, {mapping_id: entities}),
            things.client.withdraw_set(token, mapping_id, ids_of(entities)),
            things.client.view_set(token, mapping_id),
        ):
            try:
                await call
            except DomainError as refusal:
                kinds.append(type(refusal))
        return kinds

    all_refused = [Forbidden, Forbidden, Forbidden]
    assert await refusals(alice.token) == all_refused
    assert await refusals(admin.token) == all_refused
    assert await refusals(things.token(alice, uuid4())) == all_refused
    assert await refusals(things.token(alice, mapping_id, service="bootstrap")) == all_refused
    withdrawing = things.token(alice, mapping_id, may="withdraw")
    assert await refusals(withdrawing) == [Forbidden, NotFound]
    assert await things.counts() == NOTHING


@pytest.mark.parametrize("may", ["mapping", "withdraw"])
async def test_a_set_is_shown_as_it_was_made(things: Things, alice: User, may: str) -> None:
    mapping_id, entities = uuid4(), make_set()
    await things.apply(alice, mapping_id, entities)

    state = await things.view(alice, mapping_id, may=may)

    assert state.things == [
        SetThingState(id=thing.id, secret=thing.secret, status="enabled")
        for thing in entities.things
    ]
    assert set(state.channels) == {channel.id for channel in entities.channels}
    assert state.foreign_connections == []


async def test_a_set_is_shown_as_it_is_now(things: Things, alice: User, bob: User) -> None:
    mapping_id, entities, others = uuid4(), make_set(), make_set()
    await things.apply(alice, mapping_id, entities)
    await things.apply(alice, uuid4(), others)
    gateway, sensor = entities.things
    control, data = entities.channels
    foreign = [(gateway.id, others.channels[0].id), (others.things[0].id, data.id)]
    await things.database.execute("DELETE FROM channels WHERE id = $1", control.id)
    await things.database.execute("UPDATE things SET status = 'disabled' WHERE id = $1", gateway.id)
    await things.database.execute(
        """
        INSERT INTO connections (thing_id, channel_id, owner_id, actions, created_at, updated_at)
        SELECT pair.thing_id, pair.channel_id, $3, '{m_read}', now(), now()
        FROM unnest($1::uuid[], $2::uuid[]) AS pair (thing_id, channel_id)
        """,
        [thing_id for thing_id, _ in foreign],
        [channel_id for _, channel_id in foreign],
        alice.id,
    )

    state = await things.view(alice, mapping_id)

    assert state.things == [
        SetThingState(id=gateway.id, secret=gateway.secret, status="disabled"),
        SetThingState(id=sensor.id, secret=sensor.secret, status="enabled"),
    ]
    assert state.channels == [data.id]
    assert {(each.thing_id, each.channel_id) for each in state.foreign_connections} == set(foreign)
    assert {each.actions for each in state.foreign_connections} == {("m_read",)}


async def test_what_belongs_to_another_user_by_now_is_not_shown(
    things: Things, alice: User, bob: User
) -> None:
    mapping_id, entities = uuid4(), make_set()
    await things.apply(alice, mapping_id, entities)
    gateway, sensor = entities.things
    await things.database.execute(
        "UPDATE things SET owner_id = $1 WHERE id = $2", bob.id, sensor.id
    )

    state = await things.view(alice, mapping_id)

    assert [thing.id for thing in state.things] == [gateway.id]
    assert [each.thing_id for each in state.foreign_connections] == [sensor.id]


async def test_a_set_never_applied_withdrawn_or_of_another_user_is_not_found(
    things: Things, alice: User, bob: User
) -> None:
    mapping_id, withdrawn_id, entities = uuid4(), uuid4(), make_set()
    await things.apply(alice, mapping_id, make_set())
    await things.apply(alice, withdrawn_id, entities)
    await things.withdraw(alice, withdrawn_id, entities)

    for user, asked_id in ((alice, uuid4()), (alice, withdrawn_id), (bob, mapping_id)):
        with pytest.raises(NotFound):
            await things.view(user, asked_id)


async def test_an_empty_set_is_shown_empty(things: Things, alice: User) -> None:
    mapping_id = uuid4()
    await things.apply(alice, mapping_id, EntitySetBody(things=[], channels=[], connections=[]))

    state = await things.view(alice, mapping_id)

    assert state == SetStateBody(things=[], channels=[], foreign_connections=[])


async def test_sets_withdrawn_at_the_same_moment_leave_nothing_and_never_come_back(
    things: Things, alice: User
) -> None:
    sets = {uuid4(): make_set() for _ in range(40)}
    made = list(sets)[:30]
    await asyncio.gather(*(things.apply(alice, each, sets[each]) for each in made))
    token = things.token_for_all(alice, sets, may="withdraw")

    await asyncio.gather(
        *(
            things.client.withdraw_set(token, mapping_id, ids_of(entities))
            for mapping_id, entities in sets.items()
        )
    )

    assert await things.counts() == NOTHING
    for mapping_id in (made[0], list(sets)[-1]):
        with pytest.raises(Conflict) as refusal:
            await things.apply(alice, mapping_id, sets[mapping_id])
        assert refusal.value.code == "id_withdrawn"


async def test_a_withdrawal_that_is_refused_harms_no_other_of_its_group(
    things: Things, alice: User, bob: User
) -> None:
    sets = {uuid4(): make_set() for _ in range(5)}
    bobs, unnamed, *own = sets
    await things.apply(bob, bobs, sets[bobs])
    for mapping_id in (unnamed, *own):
        await things.apply(alice, mapping_id, sets[mapping_id])
    token = things.token_for_all(alice, [bobs, *own], may="withdraw")

    outcomes = await asyncio.gather(
        *(things.client.withdraw_set(token, each, ids_of(sets[each])) for each in sets),
        return_exceptions=True,
    )

    assert [getattr(outcome, "code", outcome) for outcome in outcomes] == [
        "mapping_id_taken",
        "forbidden",
        *[None] * 3,
    ]
    left = await things.database.fetch("SELECT DISTINCT mapping_id FROM things")
    assert {row["mapping_id"] for row in left} == {bobs, unnamed}


async def test_sets_looked_at_at_the_same_moment_are_shown_each_by_itself(
    things: Things, alice: User, bob: User
) -> None:
    sets = {uuid4(): make_set() for _ in range(5)}
    missing, bobs, unnamed, *own = sets
    await things.apply(bob, bobs, sets[bobs])
    for mapping_id in (unnamed, *own):
        await things.apply(alice, mapping_id, sets[mapping_id])
    token = things.token_for_all(alice, [missing, bobs, *own], may="withdraw")

    outcomes = await asyncio.gather(
        *(things.client.view_set(token, each) for each in sets), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes[:3]] == [NotFound, NotFound, Forbidden]
    for mapping_id, state in zip(own, outcomes[3:], strict=True):
        assert isinstance(state, SetStateBody)
        assert {thing.secret for thing in state.things} == {
            thing.secret for thing in sets[mapping_id].things
        }
        assert set(state.channels) == {channel.id for channel in sets[mapping_id].channels}
        assert state.foreign_connections == []


async def test_connections_between_sets_looked_at_together_are_foreign_to_both(
    things: Things, alice: User
) -> None:
    first, second = uuid4(), uuid4()
    sets = {first: make_set(), second: make_set()}
    for mapping_id, entities in sets.items():
        await things.apply(alice, mapping_id, entities)
    pair = (sets[first].things[0].id, sets[second].channels[0].id)
    await things.database.execute(
        """
        INSERT INTO connections (thing_id, channel_id, owner_id, actions, created_at, updated_at)
        VALUES ($1, $2, $3, '{m_read}', now(), now())
        """,
        *pair,
        alice.id,
    )
    token = things.token_for_all(alice, sets, may="withdraw")

    states = await asyncio.gather(*(things.client.view_set(token, each) for each in sets))

    assert [
        [(each.thing_id, each.channel_id) for each in state.foreign_connections] for state in states
    ] == [[pair], [pair]]


async def test_what_a_group_removed_is_told_in_lists_that_a_message_can_hold(
    things: Things, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.things.repository.sets._TOLD_AT_ONCE", 3)
    told: list[Event] = []
    append = Outbox.append_all

    async def note(connection: Connection, events: Sequence[Event]) -> None:
        told.extend(events)
        await append(connection, events)

    monkeypatch.setattr(Outbox, "append_all", note)
    sets = {uuid4(): make_set() for _ in range(5)}
    await asyncio.gather(*(things.apply(alice, *each) for each in sets.items()))
    token = things.token_for_all(alice, sets, may="withdraw")

    await asyncio.gather(
        *(things.client.withdraw_set(token, each, ids_of(made)) for each, made in sets.items())
    )

    lists = [each.thing_ids for each in told if isinstance(each, ThingDeleted)]
    assert all(0 < len(ids) <= 3 for ids in lists)
    assert Counter(thing_id for ids in lists for thing_id in ids) == Counter(
        thing.id for made in sets.values() for thing in made.things
    )
