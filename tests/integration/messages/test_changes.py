"""Changes in things reach connections that are open, and nobody else's."""

from __future__ import annotations

import asyncio

import pytest

from deploy.embedded.servers import NatsServer
from tests.fixtures.services import User
from tests.integration.messages.conftest import StartAuth
from tests.integration.messages.devices import REFUSED, MqttRefused, mqtt, nats_device
from tests.integration.messages.plane import Client, Gate, Plane, Thing
from tests.waiting import eventually

SHUT_OUT = ("disable thing", "delete thing", "secret")
KEPT_OUT = ("disconnect", "disable channel", "delete channel", "actions")


async def make_change(plane: Plane, kind: str, thing: Thing, channel: str) -> None:
    link = f"/channels/{channel}/things/{thing.id}"
    match kind:
        case "disconnect":
            await plane.change("DELETE", link)
        case "actions":
            await plane.change("PUT", link, json={"actions": ["m_write"]})
        case "secret":
            await plane.change("PATCH", f"/things/{thing.id}/secret", json={"secret": thing.id})
        case "disable thing":
            await plane.change("POST", f"/things/{thing.id}/disable")
        case "disable channel":
            await plane.change("POST", f"/channels/{channel}/disable")
        case "delete thing":
            await plane.change("DELETE", f"/things/{thing.id}")
        case "delete channel":
            await plane.change("DELETE", f"/channels/{channel}")


@pytest.mark.parametrize("kind", [*SHUT_OUT, *KEPT_OUT])
async def test_a_change_ends_the_connections_it_concerns(plane: Plane, kind: str) -> None:
    thing, channel = await plane.connected_thing()
    bystander, elsewhere = await plane.connected_thing()
    topic = f"channels/{channel}/messages"

    async with mqtt(plane.nats, bystander) as beside:
        async with mqtt(plane.nats, thing) as device:
            assert await device.subscribe(topic, 1) == 1
            await make_change(plane, kind, thing, channel)
            await device.until_ended()
        if kind in SHUT_OUT:
            with pytest.raises(MqttRefused):
                async with mqtt(plane.nats, thing):
                    pass
        else:
            async with mqtt(plane.nats, thing) as device:
                assert await device.subscribe(topic, 1) == REFUSED

        assert not beside.ended.is_set()
        assert await beside.subscribe(f"channels/{elsewhere}/messages") == 0


async def test_a_new_connection_is_there_after_the_next_login(plane: Plane) -> None:
    thing = await plane.make_thing()
    channel = await plane.make_channel()

    async with mqtt(plane.nats, thing) as device:
        await plane.connect(thing, channel)
        await device.until_ended()
    async with mqtt(plane.nats, thing) as device:
        assert await device.subscribe(f"channels/{channel}/messages") == 0
    await plane.change("POST", f"/channels/{channel}/disable")
    async with mqtt(plane.nats, thing) as device:
        await plane.change("POST", f"/channels/{channel}/enable")
        await device.until_ended()


async def test_a_device_that_speaks_nats_is_put_out_too(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()

    async with nats_device(plane.nats, thing) as (client, _):
        await plane.disconnect(thing, channel)

        async def is_out() -> bool:
            return client.is_closed

        await eventually(is_out, within_seconds=30)


async def test_an_offline_session_gets_nothing_from_a_channel_it_has_lost(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()
    kept = await plane.make_channel()
    await plane.connect(thing, kept)
    writer = await plane.make_thing()
    for each in (channel, kept):
        await plane.connect(writer, each)

    async with mqtt(plane.nats, thing, clean=False) as device:
        for each in (channel, kept):
            assert await device.subscribe(f"channels/{each}/messages", 1) == 1
    await plane.disconnect(thing, channel)
    async with mqtt(plane.nats, writer) as writing:
        for each in (channel, kept):
            await writing.publish(f"channels/{each}/messages", each.encode(), 1)

    async with mqtt(plane.nats, thing, clean=False) as device:
        assert (await device.next())[1] == kept.encode()
        await device.publish(f"channels/{kept}/messages", b"last", 1)
        assert (await device.next())[1] == b"last"
        assert device.waiting == 0


async def test_a_login_that_a_change_overtakes_is_decided_again(plane: Plane, gate: Gate) -> None:
    thing, channel = await plane.connected_thing()
    witness = await plane.make_thing()
    await plane.connect(witness, channel)

    async def log_in() -> int:
        async with mqtt(plane.nats, thing) as device:
            return await device.subscribe(f"channels/{channel}/messages")

    async with mqtt(plane.nats, witness) as beside:
        with gate.held("/internal/devices"):
            login = asyncio.create_task(log_in())
            await gate.until_reached()
            await plane.change("POST", f"/channels/{channel}/disable")
            await beside.until_ended()

    assert await login == REFUSED


async def test_what_changed_while_nobody_was_there_is_made_up_for(
    plane: Plane, start_auth: StartAuth
) -> None:
    thing, channel = await plane.connected_thing()
    bystander, _ = await plane.connected_thing()

    async with mqtt(plane.nats, thing) as device, mqtt(plane.nats, bystander) as beside:
        await plane.until_followed()
        await plane.auth.close()
        await plane.disconnect(thing, channel)
        await start_auth()
        await device.until_ended()

        assert not beside.ended.is_set()


async def test_two_processes_share_the_work_and_know_the_same(
    plane: Plane, start_auth: StartAuth, nats_server: NatsServer, alice: User
) -> None:
    second = await start_auth()
    things = [await plane.connected_thing() for _ in range(4)]

    for thing, channel in things:
        async with mqtt(nats_server, thing) as device:
            for process in (plane.auth, second):
                await eventually(lambda: _is_present(process, thing, alice))  # noqa: B023
            await plane.change("POST", f"/channels/{channel}/disable")
            await device.until_ended()


async def _is_present(process: Client, thing: Thing, user: User) -> bool:
    answer = await process.get(f"/things/{thing.id}/presence", headers=user.headers)
    return bool((await answer.json())["connected"])
