"""From a change to those who follow it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from nats.js import JetStreamContext
from nats.js.api import StreamState

from deploy.embedded.servers import NatsServer
from shared.contracts.events import Envelope
from shared.contracts.things_events import (
    ThingDisabled,
    ThingEnabled,
)
from shared.events.broker import STREAM, Broker
from shared.events.consumer import PARKED, Reactions, following
from shared.events.relay import relaying
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from tests.waiting import eventually

CHANGE = """
    WITH changed AS (
        INSERT INTO key_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING RETURNING sealed
    ){announcing}
    SELECT sealed FROM changed
"""
MANY = """
    INSERT INTO outbox (event_id, subject, payload)
    SELECT gen_random_uuid(), 'events.things.thing.updated', number::text::bytea
    FROM generate_series(1, $1::int) AS number
"""
ALWAYS = "WITH changed AS (SELECT $1::int AS number){announcing} SELECT number FROM changed"


async def stream_state(jetstream: JetStreamContext) -> StreamState:
    return (await jetstream.stream_info(STREAM)).state


async def stored(jetstream: JetStreamContext) -> list[Envelope]:
    state = await stream_state(jetstream)
    return [
        msgspec.json.decode((await jetstream.get_msg(STREAM, sequence)).data or b"", type=Envelope)
        for sequence in range(state.first_seq, state.last_seq + 1)
    ]


async def test_a_change_and_its_event_are_committed_together(database: Database) -> None:
    outbox = Outbox(database)

    await outbox.fetch(CHANGE, b"first", event=ThingDisabled(thing_id=UUID(int=1)))
    await outbox.fetch(CHANGE, b"second", event=ThingDisabled(thing_id=UUID(int=2)))

    rows = await database.fetch("SELECT subject, payload FROM outbox")
    assert [row["subject"] for row in rows] == ["events.things.thing.disabled"]
    assert str(UUID(int=1)) in rows[0]["payload"].decode()


async def test_events_reach_the_stream_in_order_and_leave_the_outbox(
    database: Database, database_url: str, broker: Broker, jetstream: JetStreamContext
) -> None:
    outbox = Outbox(database)
    ids = [uuid4() for _ in range(600)]  # more than a batch
    for thing_id in ids:
        await outbox.fetch(ALWAYS, 1, event=ThingDisabled(thing_id=thing_id))

    async with relaying(database_url, outbox, broker):

        async def relayed() -> bool:
            return bool(await database.fetchval("SELECT count(*) FROM outbox") == 0)

        await eventually(relayed, what="an empty outbox")

    events = await stored(jetstream)
    assert [msgspec.json.decode(event.data)["thing_id"] for event in events] == list(map(str, ids))


async def test_two_relays_publish_nothing_twice(
    database: Database, database_url: str, broker: Broker, jetstream: JetStreamContext
) -> None:
    outbox = Outbox(database)
    async with relaying(database_url, outbox, broker), relaying(database_url, outbox, broker):
        for _ in range(200):
            await outbox.fetch(ALWAYS, 1, event=ThingDisabled(thing_id=uuid4()))

        async def relayed() -> bool:
            return bool(await database.fetchval("SELECT count(*) FROM outbox") == 0)

        await eventually(relayed, what="an empty outbox")

    assert (await stream_state(jetstream)).messages == 200


async def test_ten_thousand_events_survive_nats_going_down_and_none_is_told_twice(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    server = NatsServer(tmp_path / "own-nats", port=None)
    await server.start()
    outbox = Outbox(database)
    try:
        async with Broker.open(server.url, "tests") as broker:
            jetstream = await broker.jetstream()
            await database.execute(MANY, 10_000)
            async with relaying(database_url, outbox, broker):

                async def under_way() -> bool:
                    return (await stream_state(jetstream)).messages > 0

                await eventually(under_way, what="the first events")
                await server.stop()
                await server.start()

                async def relayed() -> bool:
                    return bool(await database.fetchval("SELECT count(*) FROM outbox") == 0)

                await eventually(relayed, within_seconds=30, what="an empty outbox")
            state = await stream_state(jetstream)
            samples = [
                (await jetstream.get_msg(STREAM, place)).data for place in range(1, 10_001, 499)
            ]
    finally:
        await server.stop()

    assert state.messages == 10_000
    assert samples == [str(place).encode() for place in range(1, 10_001, 499)]


async def publish(jetstream: JetStreamContext, event: ThingDisabled | ThingEnabled) -> None:
    await jetstream.publish(
        event.subject,
        msgspec.json.encode(
            {
                "id": uuid4(),
                "subject": event.subject,
                "occurred_at": "2026-01-01T00:00:00Z",
                "data": event,
            }
        ),
    )


async def test_a_follower_gets_what_happened_while_it_was_away_in_order(
    broker: Broker, jetstream: JetStreamContext
) -> None:
    seen: list[UUID] = []
    reactions = Reactions()

    async def note(event: ThingDisabled) -> None:
        seen.append(event.thing_id)

    reactions.on(ThingDisabled, note)
    ids = [UUID(int=number) for number in range(300)]
    for thing_id in ids:
        await publish(jetstream, ThingDisabled(thing_id=thing_id))

    async with following(broker, "catching-up", reactions):

        async def caught_up() -> bool:
            return len(seen) == 300

        await eventually(caught_up, what="all events")
    async with following(broker, "catching-up", reactions):
        await publish(jetstream, ThingDisabled(thing_id=UUID(int=999)))

        async def went_on() -> bool:
            return UUID(int=999) in seen

        await eventually(went_on, what="the event after a restart")

    assert seen == [*ids, UUID(int=999)]


async def test_an_event_that_always_fails_is_parked_and_the_next_ones_go_on(
    broker: Broker, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.events.consumer._PAUSES_SECONDS", (0.01, 0.01))
    poison, healthy = UUID(int=666), UUID(int=1)
    tries: list[UUID] = []
    reactions = Reactions()

    async def refuse_poison(event: ThingDisabled) -> None:
        tries.append(event.thing_id)
        if event.thing_id == poison:
            raise LookupError("poison")

    reactions.on(ThingDisabled, refuse_poison)
    parked = PARKED.labels(ThingDisabled.subject)._value.get()
    await publish(jetstream, ThingDisabled(thing_id=poison))
    await publish(jetstream, ThingDisabled(thing_id=healthy))

    async with following(broker, "parking", reactions):

        async def went_on() -> bool:
            return healthy in tries

        await eventually(went_on, what="the healthy event")

    assert tries == [poison, poison, poison, healthy]
    assert PARKED.labels(ThingDisabled.subject)._value.get() == parked + 1


async def test_a_follower_hears_only_what_it_reacts_to(
    broker: Broker, jetstream: JetStreamContext
) -> None:
    seen: list[UUID] = []
    reactions = Reactions()

    async def note(event: ThingEnabled) -> None:
        seen.append(event.thing_id)

    reactions.on(ThingEnabled, note)
    async with following(broker, "picky", reactions):
        await publish(jetstream, ThingDisabled(thing_id=UUID(int=1)))
        await publish(jetstream, ThingEnabled(thing_id=UUID(int=2)))

        async def heard() -> bool:
            return bool(seen)

        await eventually(heard, what="the event")

    assert seen == [UUID(int=2)]


async def test_one_server_of_a_cluster_is_enough_to_get_in(nats_server: NatsServer) -> None:
    login, _, place = nats_server.url.rpartition("@")

    async with Broker.open(f"{login}@127.0.0.1:1,{login}@{place}", "tests") as broker:
        await broker.jetstream()

        assert await broker.is_up()
