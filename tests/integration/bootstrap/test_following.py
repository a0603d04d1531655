"""What happens in things reaches the configs it concerns, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.js import JetStreamContext

from shared.contracts.bootstrap import State
from shared.contracts.things_events import (
    ChannelDisabled,
    ConnectionDeleted,
    ThingDisabled,
    ThingEnabled,
    ThingSecretChanged,
)
from shared.events.broker import STREAM
from shared.events.consumer import PARKED
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.bootstrap.conftest import NewApi
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config
from tests.integration.bootstrap.platform import Platform
from tests.integration.bootstrap.test_events import happen
from tests.waiting import eventually

EARLIER = timedelta(minutes=5)


async def until(look: Callable[[], Awaitable[Any]], wanted: Any, what: str) -> None:
    async def is_so() -> bool:
        return bool(await look() == wanted)

    await eventually(is_so, within_seconds=30, what=what)


async def all_handled(api: Api, mappings: Mappings, jetstream: JetStreamContext) -> None:
    """Wait until every event so far has been acted on: another one, behind them, has been."""
    config = await mappings.make()
    await happen(jetstream, ThingDisabled(thing_id=config.thing_id))

    async def fetched() -> int:
        return (await api.fetch(config.external_id, config.external_key)).status

    await until(fetched, 404, "the events so far")


async def test_a_changed_secret_reaches_the_gateway(
    platform: Platform, alice: User, users_stand_in: UsersStandIn
) -> None:
    thing_id = await platform.added(alice, external_id="gateway")
    other = await platform.added(alice)
    before = (await platform.view(alice, other))["thing_key"]

    await platform.things.patch(
        f"/things/{thing_id}/secret", json={"secret": "another-secret"}, headers=alice.headers
    )

    async def fetched() -> str:
        body = await (await platform.api.fetch("gateway", "label-key")).json()
        return str(body["thing_key"])

    await until(fetched, "another-secret", "the new secret")
    found = await platform.api.client.get(
        "/things/configs?thing_key=another-secret", headers=alice.headers
    )
    assert (await found.json())["total"] == 1
    assert (await platform.view(alice, other))["thing_key"] == before
    assert f"thing-secret:{thing_id}" in users_stand_in.exchanges


async def test_of_secrets_changed_in_quick_succession_the_last_one_stays(
    platform: Platform, alice: User
) -> None:
    thing_id = await platform.added(alice)

    for number in range(5):
        await platform.things.patch(
            f"/things/{thing_id}/secret", json={"secret": f"secret {number}"}, headers=alice.headers
        )

    async def key() -> str:
        return str((await platform.view(alice, thing_id))["thing_key"])

    await until(key, "secret 4", "the last secret")


async def test_a_renamed_channel_is_renamed_in_all_configs_whose_order_and_state_stay(
    platform: Platform, alice: User
) -> None:
    first, second = await platform.make_channels(alice, 2)
    configs = [
        await platform.active(alice, channels=[first, second]),
        await platform.added(alice, channels=[second, first]),
    ]

    await platform.things.put(
        f"/channels/{first}",
        json={"name": "renamed", "metadata": {"type": "data"}},
        headers=alice.headers,
    )

    async def channels() -> list[list[Any]]:
        return [(await platform.view(alice, thing_id))["channels"] for thing_id in configs]

    renamed = {"id": first, "name": "renamed", "metadata": {"type": "data"}}
    kept = {"id": second, "name": "channel 1", "metadata": None}
    await until(channels, [[renamed, kept], [kept, renamed]], "the new name")
    assert [await platform.state(alice, thing_id) for thing_id in configs] == [1, 0]


async def test_while_users_or_things_are_away_a_change_waits_for_them(
    platform: Platform,
    alice: User,
    users_stand_in: UsersStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.events.consumer._PAUSES_SECONDS", (0.01,))
    thing_id = await platform.added(alice)
    platform.faults.answer("GET /internal")
    await platform.things.patch(
        f"/things/{thing_id}/secret", json={"secret": "another-secret"}, headers=alice.headers
    )

    async def has_asked_often() -> bool:
        return platform.faults.count("GET /internal") > 6

    await eventually(has_asked_often, what="several tries")
    platform.faults.stop()

    async def key() -> str:
        return str((await platform.view(alice, thing_id))["thing_key"])

    await until(key, "another-secret", "the new secret")


async def test_a_thing_disconnected_elsewhere_switches_off_only_its_own_config(
    platform: Platform, alice: User
) -> None:
    shared, own = await platform.make_channels(alice, 2)
    disconnected = await platform.active(alice, channels=[shared, own])
    other = await platform.active(alice, channels=[shared])

    await platform.things.delete(f"/channels/{shared}/things/{disconnected}", headers=alice.headers)

    async def state() -> int:
        return await platform.state(alice, disconnected)

    await until(state, 0, "the inactive config")
    assert await platform.state(alice, other) == 1
    assert await platform.channels(alice, disconnected) == [shared, own]


async def test_only_a_config_with_both_the_thing_and_the_channel_is_switched_off(
    bootstrap_api: Api, mappings: Mappings, alice: User, jetstream: JetStreamContext
) -> None:
    first, second = make_channel("first"), make_channel("second")
    configs = [
        await mappings.make(make_config(channels=channels))
        for channels in ([first], [second], [first, second])
    ]

    await happen(
        jetstream,
        ConnectionDeleted(
            thing_ids=[configs[0].thing_id, configs[1].thing_id, uuid4()],
            channel_ids=[first.id, uuid4()],
        ),
    )
    await all_handled(bootstrap_api, mappings, jetstream)

    states = [
        (await (await bootstrap_api.view(config.thing_id, alice)).json())["state"]
        for config in configs
    ]
    assert states == [0, 1, 1]


async def test_what_the_service_disconnects_itself_switches_nothing_off(
    platform: Platform,
    mappings_in: Callable[[Api], Mappings],
    alice: User,
    jetstream: JetStreamContext,
) -> None:
    first, second = await platform.make_channels(alice, 2)
    thing_id = await platform.active(alice, channels=[first, second])

    for _ in range(3):
        await platform.switch(alice, thing_id, 0)
        await platform.switch(alice, thing_id, 1)
        await platform.replace(alice, thing_id, [second])
        await platform.replace(alice, thing_id, [first, second])
    sequence = (await jetstream.stream_info(STREAM)).state.last_seq

    async def arrived() -> bool:
        return (await jetstream.stream_info(STREAM)).state.last_seq > sequence or sequence > 12

    await eventually(arrived, what="the events")
    await asyncio.sleep(0.3)  # the outboxes of two services are relayed every fifth of a second
    await all_handled(platform.api, mappings_in(platform.api), jetstream)
    assert await platform.state(alice, thing_id) == 1
    assert await platform.connected(alice, thing_id) == {first, second}


async def test_late_news_of_a_disabled_thing_leave_a_config_made_afterwards(
    bootstrap_api: Api, mappings: Mappings, jetstream: JetStreamContext
) -> None:
    config = await mappings.make()
    earlier = datetime.now(UTC) - EARLIER

    await happen(jetstream, ThingDisabled(thing_id=config.thing_id), earlier)
    await all_handled(bootstrap_api, mappings, jetstream)

    assert (await bootstrap_api.fetch(config.external_id, config.external_key)).status == 200


async def test_late_news_of_a_channel_leave_what_was_looked_up_and_connected_afterwards(
    bootstrap_api: Api, mappings: Mappings, alice: User, jetstream: JetStreamContext
) -> None:
    channel = make_channel("channel")
    config = await mappings.make(make_config(channels=[channel]))
    earlier = datetime.now(UTC) - EARLIER

    await happen(jetstream, ChannelDisabled(channel_id=channel.id), earlier)
    await happen(
        jetstream,
        ConnectionDeleted(thing_ids=[config.thing_id], channel_ids=[channel.id]),
        earlier,
    )
    await all_handled(bootstrap_api, mappings, jetstream)

    body = await (await bootstrap_api.view(config.thing_id, alice)).json()
    assert [member["id"] for member in body["channels"]] == [str(channel.id)]
    assert body["state"] == 1


async def test_enabling_a_thing_brings_no_config_back(
    bootstrap_api: Api, mappings: Mappings, jetstream: JetStreamContext
) -> None:
    config = await mappings.make()

    await happen(jetstream, ThingDisabled(thing_id=config.thing_id))
    await happen(jetstream, ThingEnabled(thing_id=config.thing_id))
    await all_handled(bootstrap_api, mappings, jetstream)

    assert (await bootstrap_api.fetch(config.external_id, config.external_key)).status == 404


async def test_a_service_that_missed_many_events_catches_up(
    new_api: NewApi, mappings_in: Callable[[Api], Mappings], jetstream: JetStreamContext
) -> None:
    first = await new_api()
    await all_handled(first, mappings_in(first), jetstream)
    await first.client.server.close()
    events = [
        jetstream.publish_async(
            ThingDisabled.subject,
            b'{"id":"%s","subject":"","occurred_at":"%s","data":{"thing_id":"%s"}}'
            % tuple(
                str(part).encode() for part in (uuid4(), datetime.now(UTC).isoformat(), uuid4())
            ),
            stream=STREAM,
        )
        for _ in range(1000)
    ]
    await asyncio.gather(*[await event for event in events])

    again = await new_api()

    await all_handled(again, mappings_in(again), jetstream)


async def test_a_poisoned_event_is_parked_and_those_behind_it_are_not_lost(
    bootstrap_api: Api,
    mappings: Mappings,
    jetstream: JetStreamContext,
    monkeypatch: pytest.MonkeyPatch,
    users_stand_in: UsersStandIn,
) -> None:
    monkeypatch.setattr("shared.events.consumer._PAUSES_SECONDS", (0.01,))
    counters = [PARKED.labels(kind.subject) for kind in (ThingDisabled, ThingSecretChanged)]
    before = [counter._value.get() for counter in counters]
    users_stand_in.refuse_exchanges = True
    config, poisoned = await mappings.make(), await mappings.make()

    await jetstream.publish(ThingDisabled.subject, b'{"id":5}', stream=STREAM)
    await happen(jetstream, ThingSecretChanged(thing_id=poisoned.thing_id))
    await happen(jetstream, ThingDisabled(thing_id=config.thing_id))
    await all_handled(bootstrap_api, mappings, jetstream)

    metrics = await (await bootstrap_api.client.get("/metrics")).text()
    assert (await bootstrap_api.fetch(config.external_id, config.external_key)).status == 404
    assert [counter._value.get() for counter in counters] == [number + 1 for number in before]
    assert 'events_parked_total{subject="events.things.thing.disabled"}' in metrics


async def test_a_disconnection_waits_for_a_change_that_may_have_made_it(
    bootstrap_api: Api,
    mappings: Mappings,
    alice: User,
    database: Database,
    jetstream: JetStreamContext,
) -> None:
    kept, leaving = make_channel("kept"), make_channel("leaving")
    config = await mappings.make(make_config(channels=[kept, leaving], state=State.ACTIVE))
    await database.execute(
        "UPDATE configs SET changing = $1, changing_until = now() + interval '1 minute'",
        UUID(int=1),
    )

    await happen(
        jetstream, ConnectionDeleted(thing_ids=[config.thing_id], channel_ids=[leaving.id])
    )
    await asyncio.sleep(0.2)
    is_active = await database.fetchval("SELECT state = 1 FROM configs")
    await database.execute(
        "UPDATE configs SET changing = NULL, changing_until = NULL, channels = channels - 1"
    )
    await all_handled(bootstrap_api, mappings, jetstream)

    assert is_active
    assert (await (await bootstrap_api.view(config.thing_id, alice)).json())["state"] == 1
