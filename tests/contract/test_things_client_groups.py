"""Sets of the same moment: withdrawn and looked at together, each by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import pytest

from shared.contracts.events import Event
from shared.contracts.things import SetStateBody
from shared.contracts.things_events import ThingDeleted
from shared.errors import Conflict, Forbidden, NotFound
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection
from tests.contract.sets import NOTHING, Things, ids_of, make_set
from tests.fixtures.services import User


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
