"""Bootstrap tells what happens to configs, and follows what happens in things."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from nats.js import JetStreamContext

from shared.contracts.bootstrap import State
from shared.contracts.events import Event, envelope
from shared.contracts.things_events import (
    ChannelDeleted,
    ChannelDisabled,
    ThingDeleted,
    ThingDisabled,
)
from shared.events.broker import STREAM
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config
from tests.waiting import eventually


async def told(jetstream: JetStreamContext, thing_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    """The events that name a thing, oldest first: subject's last word and members."""
    state = (await jetstream.stream_info(STREAM)).state
    found = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        message = await jetstream.get_msg(STREAM, sequence)
        subject, text = message.subject or "", message.data or b""
        if subject.startswith("events.bootstrap.") and str(thing_id).encode() in text:
            found.append((subject.split(".")[-1], msgspec.json.decode(text)["data"]))
    return found


async def told_until(
    jetstream: JetStreamContext, thing_id: UUID, last: str
) -> list[tuple[str, dict[str, Any]]]:
    """The same, as soon as an event of the kind is among them."""

    async def look() -> list[tuple[str, dict[str, Any]]]:
        events = await told(jetstream, thing_id)
        return events if last in [kind for kind, _ in events] else []

    return await eventually(look, what=f"event {last}")


async def happen(
    jetstream: JetStreamContext, event: Event, occurred_at: datetime | None = None
) -> None:
    """Publish an event as the things service does, of now if not said otherwise."""
    moment = occurred_at or datetime.now(UTC)
    message = envelope(event, event_id=uuid4(), occurred_at=moment, request_id="request")
    await jetstream.publish(event.subject, message, stream=STREAM)


async def test_a_configs_life_is_told_step_by_step(
    bootstrap_api: Api, mappings: Mappings, alice: User, jetstream: JetStreamContext
) -> None:
    mapping_id, config = uuid4(), make_config()
    thing_id, path = str(config.thing_id), f"/things/configs/{config.thing_id}"

    await mappings.apply(mapping_id, config)
    await mappings.apply(mapping_id, config)
    await bootstrap_api.client.put(path, json={"name": "n"}, headers=alice.headers)
    await bootstrap_api.client.patch(
        f"/things/configs/certs/{thing_id}", json={}, headers=alice.headers
    )
    await bootstrap_api.client.delete(path, headers=alice.headers)
    await bootstrap_api.client.delete(path, headers=alice.headers)
    await mappings.withdraw(mapping_id)

    assert await told_until(jetstream, config.thing_id, "deleted") == [
        (
            "created",
            {
                "thing_id": thing_id,
                "owner_id": str(alice.id),
                "external_id": config.external_id,
                "state": 1,
            },
        ),
        ("updated", {"thing_ids": [thing_id], "members": ["name", "content"]}),
        (
            "updated",
            {"thing_ids": [thing_id], "members": ["client_cert", "client_key", "ca_cert"]},
        ),
        ("deleted", {"thing_id": thing_id}),
    ]


async def test_a_withdrawal_is_told_once(
    mappings: Mappings, jetstream: JetStreamContext, database: Database
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)

    await mappings.withdraw(mapping_id)
    await mappings.withdraw(mapping_id)

    async def relayed() -> bool:
        return not await database.fetchval("SELECT EXISTS (SELECT FROM outbox)")

    await eventually(relayed, what="an empty outbox")
    events = await told(jetstream, config.thing_id)
    assert [kind for kind, _ in events] == ["created", "deleted"]


async def test_no_secret_is_ever_told(
    bootstrap_api: Api, mappings: Mappings, alice: User, jetstream: JetStreamContext
) -> None:
    secrets = ["very-secret-label", "very-secret-thing", "very-secret-client", "secret-content"]
    label, thing, client, content = secrets
    config = await mappings.make(
        make_config(
            external_key=label,
            thing_secret=thing,
            client_key=client,
            content=content,
            channels=[make_channel("c", place="secret-content")],
            state=State.INACTIVE,
        )
    )
    path = f"/things/configs/{config.thing_id}"

    await bootstrap_api.client.put(path, json={"content": content}, headers=alice.headers)
    await bootstrap_api.client.patch(
        f"/things/configs/certs/{config.thing_id}",
        json={"client_key": client},
        headers=alice.headers,
    )
    await bootstrap_api.client.delete(path, headers=alice.headers)

    events = await told_until(jetstream, config.thing_id, "deleted")
    assert len(events) == 4
    assert not [secret for secret in secrets if secret in str(events)]


@pytest.mark.parametrize("kind", [ThingDisabled, ThingDeleted])
async def test_a_things_end_removes_its_config_only(
    bootstrap_api: Api, mappings: Mappings, jetstream: JetStreamContext, kind: type[Event]
) -> None:
    config, other = await mappings.make(), await mappings.make()
    event = (
        ThingDisabled(thing_id=config.thing_id)
        if kind is ThingDisabled
        else ThingDeleted(thing_ids=[uuid4(), config.thing_id])
    )

    await happen(jetstream, event)
    await happen(jetstream, event)

    async def is_gone() -> bool:
        return (await bootstrap_api.fetch(config.external_id, "label-key")).status == 404

    await eventually(is_gone, what="the end of the config")
    events = await told_until(jetstream, config.thing_id, "deleted")
    assert [name for name, _ in events] == ["created", "deleted"]
    assert (await bootstrap_api.fetch(other.external_id, "label-key")).status == 200


@pytest.mark.parametrize("kind", [ChannelDisabled, ChannelDeleted])
async def test_a_channels_end_takes_it_out_of_all_configs_and_keeps_their_state(
    bootstrap_api: Api,
    mappings: Mappings,
    alice: User,
    bob: User,
    jetstream: JetStreamContext,
    kind: type[Event],
) -> None:
    first, ending, last = make_channel("first"), make_channel("ending"), make_channel("last")
    config = await mappings.make(make_config(channels=[first, ending, last]))
    bobs = await mappings.make(make_config(channels=[ending]), owner=bob)
    untouched = await mappings.make(make_config(channels=[last, first]))
    event = (
        ChannelDisabled(channel_id=ending.id)
        if kind is ChannelDisabled
        else ChannelDeleted(channel_ids=[uuid4(), ending.id])
    )

    await happen(jetstream, event)
    await happen(jetstream, event)

    async def channels(thing_id: UUID, user: User = alice) -> Sequence[str]:
        viewed = await (await bootstrap_api.view(thing_id, user)).json()
        assert viewed["state"] == 1
        return [channel["name"] for channel in viewed.get("channels", [])]

    async def is_taken_out() -> bool:
        return await channels(config.thing_id) == ["first", "last"]

    await eventually(is_taken_out, what="a config without the channel")
    assert await channels(bobs.thing_id, bob) == []
    assert await channels(untouched.thing_id) == ["last", "first"]
    events = await told_until(jetstream, config.thing_id, "updated")
    (members,) = [members for name, members in events if name == "updated"]
    assert sorted(members["thing_ids"]) == sorted([str(config.thing_id), str(bobs.thing_id)])
    assert members["members"] == ["channels"]


async def test_a_channel_in_more_configs_than_a_batch_leaves_them_all(
    mappings: Mappings, database: Database, jetstream: JetStreamContext
) -> None:
    ending = make_channel("ending")
    await mappings.make(make_config(channels=[ending]))
    await database.execute(
        """
        INSERT INTO configs (
            thing_id, owner_id, external_id, external_key, thing_key, thing_key_fingerprint, name,
            content, channels, client_cert, ca_cert, state, created_at, updated_at
        )
        SELECT gen_random_uuid(), owner_id, 'gateway ' || number, '', '', '', '', '', channels, '',
               '', 1, now(), now()
        FROM configs, generate_series(1, 2500) AS number
        """
    )

    await happen(jetstream, ChannelDeleted(channel_ids=[ending.id]))

    async def is_taken_out() -> bool:
        return await database.fetchval("SELECT bool_and(channels = '[]') FROM configs") is True

    await eventually(is_taken_out, what="configs without the channel")


async def test_who_looks_for_a_channel_goes_over_no_list_of_what_is_still_to_be_indexed(
    mappings: Mappings, database: Database
) -> None:
    await mappings.make(make_config(channels=[make_channel("first"), make_channel("last")]))

    assert await database.fetchval("SELECT gin_clean_pending_list('configs_by_channel')") == 0


async def test_configs_withdrawn_by_one_call_are_told_one_by_one(
    bootstrap_api: Api,
    mappings: Mappings,
    jetstream: JetStreamContext,
    alice: User,
    users_stand_in: UsersStandIn,
) -> None:
    configs = {uuid4(): make_config() for _ in range(3)}
    for mapping_id, config in configs.items():
        await mappings.apply(mapping_id, config)
    scope = " ".join(f"withdraw:{mapping_id}" for mapping_id in configs)
    token = users_stand_in.token(alice.id, kind="service", service="provision", scope=scope)

    for _ in range(2):
        answer = await bootstrap_api.client.delete(
            "/internal/configs",
            json={"mapping_ids": [str(mapping_id) for mapping_id in configs]},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status == 204

    for config in configs.values():
        events = await told_until(jetstream, config.thing_id, "deleted")
        assert events[1:] == [("deleted", {"thing_id": str(config.thing_id)})]
