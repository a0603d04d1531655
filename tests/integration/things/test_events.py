"""Every change is told once on the event stream, without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from nats.js import JetStreamContext
from pytest_aiohttp.plugin import AiohttpClient

from deploy.embedded.servers import NatsServer
from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.contracts.events import Envelope
from shared.events.broker import STREAM, Broker
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User
from tests.integration.things.api import ThingsApi
from tests.waiting import eventually

Told = list[tuple[str, dict[str, Any]]]


class Stream:
    """What the stream has stored since it was opened."""

    def __init__(self, jetstream: JetStreamContext, first: int) -> None:
        self._jetstream = jetstream
        self._next = first
        self.payloads: list[bytes] = []

    async def read(self, count: int) -> Told:
        """The subjects' last words and data of all events, as soon as there are that many."""

        async def has_enough() -> bool:
            last = (await self._jetstream.stream_info(STREAM)).state.last_seq
            for sequence in range(self._next, last + 1):
                message = await self._jetstream.get_msg(STREAM, sequence)
                self.payloads.append(message.data or b"")
            self._next = last + 1
            return len(self.payloads) >= count

        await eventually(has_enough, what=f"{count} events")
        envelopes = [msgspec.json.decode(payload, type=Envelope) for payload in self.payloads]
        return [
            (
                envelope.subject.removeprefix("events.things."),
                msgspec.json.decode(envelope.data),
            )
            for envelope in envelopes
        ]


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[Stream]:
    async with Broker.open(nats_server.url, "tests") as broker:
        jetstream = await broker.jetstream()
        last = (await jetstream.stream_info(STREAM)).state.last_seq
        yield Stream(jetstream, last + 1)


async def test_a_new_thing_is_told_exactly_once_and_without_its_secret(
    stream: Stream, things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(
        alice, key="my very own secret", name="a name", metadata={"a key": "a value"}
    )
    await things_api.make_channel(alice)  # told after it, so a repeat would have been seen

    events = await stream.read(2)

    assert [subject for subject, _ in events] == ["thing.created", "channel.created"]
    assert events[0][1] == {"owner_id": str(alice.id), "thing_ids": [thing["id"]]}
    for text in (b"my very own secret", b"a name", b"a key", b"a value"):
        assert text not in b"".join(stream.payloads)


async def test_every_change_of_a_thing_is_told(
    stream: Stream, things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing = await things_api.make_thing(alice)
    path, told = f"/things/{thing['id']}", {"thing_id": thing["id"]}

    for method, tail, body in (
        ("PATCH", "", {"name": "new", "metadata": {}}),
        ("PATCH", "", {}),
        ("PATCH", "/tags", {"tags": ["new"]}),
        ("PATCH", "/secret", {"secret": "new"}),
        ("POST", "/disable", None),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
        ("PATCH", "/owner", {"owner": str(bob.id)}),
        ("DELETE", "", None),
    ):
        await things_api.call(method, path + tail, alice, body)
    await things_api.call("DELETE", path, bob)

    assert (await stream.read(8))[1:] == [
        ("thing.updated", told | {"members": ["name", "metadata"]}),
        ("thing.updated", told | {"members": ["tags"]}),
        ("thing.secret_changed", told),
        ("thing.disabled", told),
        ("thing.enabled", told),
        ("thing.owner_changed", told | {"owner_id": str(bob.id)}),
        ("thing.deleted", {"thing_ids": [thing["id"]]}),
    ]


async def test_every_change_of_channels_and_connections_is_told(
    stream: Stream, things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    path, told = f"/channels/{channel['id']}", {"channel_id": channel["id"]}

    for method, tail, body in (
        ("PUT", f"/things/{thing['id']}", {"actions": ["m_read"]}),
        ("DELETE", f"/things/{thing['id']}", None),
        ("DELETE", f"/things/{thing['id']}", None),
        ("PUT", "", {"name": "new", "description": "d"}),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
        ("DELETE", "", None),
    ):
        await things_api.call(method, path + tail, alice, body)

    pair = {"thing_ids": [thing["id"]], "channel_ids": [channel["id"]]}
    assert (await stream.read(9))[2:] == [
        ("connection.created", pair),
        ("connection.updated", pair),
        ("connection.deleted", pair),
        ("channel.updated", told | {"members": ["name", "description"]}),
        ("channel.disabled", told),
        ("channel.enabled", told),
        ("channel.deleted", {"channel_ids": [channel["id"]]}),
    ]


async def test_a_bulk_is_told_as_one_event(
    stream: Stream, things_api: ThingsApi, alice: User
) -> None:
    answer = await things_api.call("POST", "/things/bulk", alice, [{"key": "taken"}, {}, {}])
    await things_api.call("POST", "/things/bulk", alice, [{}, {"key": "taken"}])
    await things_api.make_channel(alice)

    events = await stream.read(2)

    ids = [thing["id"] for thing in answer.body["things"]]
    assert events[0] == ("thing.created", {"owner_id": str(alice.id), "thing_ids": ids})
    assert [subject for subject, _ in events] == ["thing.created", "channel.created"]


@pytest.fixture
def service_call(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> Callable[..., Any]:
    async def call(method: str, mapping_id: str, body: dict[str, Any]) -> int:
        token = users_stand_in.token(
            alice.id, kind="service", service="provision", scope=f"mapping:{mapping_id}"
        )
        headers = {"Authorization": f"Bearer {token}"}
        sets = {mapping_id: body} if method == "PUT" else [{"mapping_id": mapping_id, **body}]
        answer = await things_api.call(
            method, "/internal/sets", None, {"sets": sets}, headers=headers
        )
        return answer.status

    return call


async def test_a_set_is_told_when_applied_and_what_was_left_of_it_when_withdrawn(
    stream: Stream, things_api: ThingsApi, alice: User, service_call: Callable[..., Any]
) -> None:
    mapping_id, *things, channel = (str(uuid4()) for _ in range(4))
    entities = {
        "things": [{"id": each, "name": "t", "secret": f"secret of {each}"} for each in things],
        "channels": [{"id": channel, "name": "c"}],
        "connections": [{"thing_id": things[0], "channel_id": channel}],
    }
    ids = {"things": things, "channels": [channel]}

    assert await service_call("PUT", mapping_id, entities) == 200
    assert await service_call("PUT", mapping_id, entities) == 200
    assert (await things_api.identify(f"secret of {things[1]}")).status == 200
    await things_api.call("DELETE", f"/things/{things[0]}", alice)
    assert await service_call("DELETE", mapping_id, ids) == 204
    assert await service_call("DELETE", mapping_id, ids) == 204

    assert (await things_api.identify(f"secret of {things[1]}")).status == 404
    await things_api.make_thing(alice)
    assert (await stream.read(5))[:-1] == [
        (
            "set.applied",
            {
                "mapping_id": mapping_id,
                "owner_id": str(alice.id),
                "thing_ids": things,
                "channel_ids": [channel],
            },
        ),
        ("thing.deleted", {"thing_ids": [things[0]]}),
        ("thing.deleted", {"thing_ids": [things[1]]}),
        ("channel.deleted", {"channel_ids": [channel]}),
    ]
    assert b"secret of" not in b"".join(stream.payloads)


async def test_sharing_is_told(
    stream: Stream,
    things_api: ThingsApi,
    users_stand_in: UsersStandIn,
    alice: User,
    bob: User,
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    channel = await things_api.make_channel(alice)
    told = {"user_id": str(bob.id), "channel_id": channel["id"]}

    await things_api.share(alice, channel, bob, "c_list")
    await things_api.share(alice, channel, bob, "g_list")
    await things_api.call(
        "PUT",
        "/policies",
        alice,
        {"subject": str(bob.id), "object": channel["id"], "actions": ["m_read"]},
    )
    await things_api.call("DELETE", f"/policies/{bob.id}/{channel['id']}", alice)
    await things_api.call("DELETE", f"/policies/{bob.id}/{channel['id']}", alice)

    assert (await stream.read(5))[1:] == [
        ("policy.created", told),
        ("policy.updated", told),
        ("policy.updated", told),
        ("policy.deleted", told),
    ]


async def test_a_refused_change_is_not_told(
    stream: Stream, things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    await stream.read(3)

    for method, path, body in (
        ("PATCH", f"/things/{thing['id']}", {"name": "x"}),
        ("POST", f"/things/{thing['id']}/disable", None),
        ("DELETE", f"/things/{thing['id']}", None),
        ("PUT", f"/channels/{channel['id']}", {"name": "x"}),
        ("DELETE", f"/channels/{channel['id']}/things/{thing['id']}", None),
        ("POST", "/things", {"key": thing["key"]}),
        ("POST", "/things/bulk", [{}, {"id": thing["id"]}]),
    ):
        assert (await things_api.call(method, path, bob, body)).status >= 400

    await things_api.make_channel(bob)
    assert [subject for subject, _ in await stream.read(4)][3:] == ["channel.created"]


async def test_while_nats_is_down_no_process_loses_an_event_or_tells_it_twice_or_out_of_order(
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    aiohttp_client: AiohttpClient,
    tmp_path: Path,
    alice: User,
) -> None:
    nats = NatsServer(tmp_path / "own-nats")
    await nats.start()
    settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url, NATS_URL=nats.url)
    try:
        apis = [ThingsApi(await aiohttp_client(create_app(settings))) for _ in range(2)]
        made = await apis[0].call("POST", "/things/bulk", alice, [{}] * 5)
        things = [thing["id"] for thing in made.body["things"]]

        async def change(thing_id: str) -> None:
            for turn in range(10):
                word = "enable" if turn % 2 else "disable"
                api = apis[turn // 2 % 2]
                answer = await api.call("POST", f"/things/{thing_id}/{word}", alice)
                assert answer.status == 200

        changing = asyncio.gather(*map(change, things))
        await nats.stop()
        await changing
        await nats.start()

        async with Broker.open(nats.url, "tests") as broker:
            told = await Stream(await broker.jetstream(), 1).read(51)
    finally:
        await nats.stop()

    assert len(told) == 51
    for thing_id in things:
        facts = [subject for subject, data in told if data.get("thing_id") == thing_id]
        assert facts == ["thing.disabled", "thing.enabled"] * 5
