"""What provision makes and takes back in things, against the real service."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from shared.contracts.things import EntitySetBody
from shared.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from tests.contract.sets import NOTHING, Things, ids_of, make_set
from tests.fixtures.services import User


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
