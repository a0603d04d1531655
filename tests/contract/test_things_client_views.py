"""What provision sees of a set that it made, against the real service."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.contracts.things import (
    EntitySetBody,
    SetStateBody,
    SetThingState,
)
from shared.errors import NotFound
from tests.contract.sets import Things, make_set
from tests.fixtures.services import User


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
    created_at = await things.apply(
        alice, mapping_id, EntitySetBody(things=[], channels=[], connections=[])
    )

    state = await things.view(alice, mapping_id)

    assert state == SetStateBody(
        created_at=created_at, things=[], channels=[], foreign_connections=[]
    )
