"""Devices by MQTT, MQTT over WebSocket and NATS: who is let in, and what he may do then."""

from __future__ import annotations

import asyncio
import json
import shutil
from uuid import uuid4

import pytest

from deploy.embedded.ports import LOOPBACK
from tests.integration.messages.devices import (
    REFUSED,
    MqttRefused,
    mqtt,
    nats_device,
    platform_subscriber,
)
from tests.integration.messages.plane import Plane, Thing


def topic(channel_id: str, subtopic: str = "") -> str:
    return f"channels/{channel_id}/messages{subtopic}"


async def test_only_id_and_key_that_belong_together_are_let_in(plane: Plane) -> None:
    thing, _ = await plane.connected_thing()
    other = await plane.make_thing()
    disabled = await plane.make_thing()
    await plane.change("POST", f"/things/{disabled.id}/disable")

    async with mqtt(plane.nats, thing):
        pass
    for wrong in (
        Thing(thing.id, "wrong"),
        Thing(thing.id, other.key),
        Thing(thing.id, ""),
        Thing(thing.id.upper(), thing.key),
        Thing(str(uuid4()), thing.key),
        Thing("gateway", thing.key),
        Thing("", ""),
        disabled,
    ):
        with pytest.raises(MqttRefused):
            async with mqtt(plane.nats, wrong, client_id=f"agent-{wrong.id}-{thing.id}"):
                pass


async def test_a_client_id_contains_the_things_own_id(plane: Plane) -> None:
    thing, _ = await plane.connected_thing()
    other = await plane.make_thing()

    for own in (thing.id, f"agent-{thing.id}", f"{thing.id}-export", ""):
        async with mqtt(plane.nats, thing, client_id=own):
            pass
    for foreign in (other.id, f"agent-{other.id}", "gateway"):
        with pytest.raises(MqttRefused):
            async with mqtt(plane.nats, thing, client_id=foreign):
                pass


async def test_nobody_subscribes_beyond_his_own_channels(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()
    other = await plane.make_channel()

    async with mqtt(plane.nats, thing) as device:
        for own in (topic(channel), topic(channel, "/#"), topic(channel, "/+/x")):
            assert await device.subscribe(own, 1) == 1
        for foreign in (
            topic(other),
            topic(other, "/#"),
            "#",
            "channels/#",
            "channels/+/messages",
            "channels/+/messages/#",
            f"channels/{channel}/#",
            "$SYS/#",
            "$MQTT/#",
        ):
            assert await device.subscribe(foreign) == REFUSED, foreign


async def test_what_is_published_elsewhere_reaches_nobody(plane: Plane) -> None:
    thing, _ = await plane.connected_thing()
    victim, foreign = await plane.connected_thing()

    async with (
        platform_subscriber(plane.nats, foreign) as messages,
        mqtt(plane.nats, victim) as reader,
    ):
        assert await reader.subscribe(topic(foreign, "/#"), 1) == 1
        async with mqtt(plane.nats, thing, will=(topic(foreign), b"will")) as device:
            for qos in (0, 1, 2):
                await device.publish(topic(foreign), b"foreign", qos)
            device.vanish()
            await device.until_ended()
        async with mqtt(plane.nats, victim, client_id=f"{victim.id}-2") as writer:
            await writer.publish(topic(foreign), b"own", 1)

        assert await reader.next() == (topic(foreign), b"own")
        assert (await asyncio.wait_for(messages.get(), 20)).data == b"own"
        assert reader.waiting == 0
        assert messages.empty()


async def test_actions_of_the_connection_count(plane: Plane) -> None:
    channel = await plane.make_channel()
    reader, writer = await plane.make_thing(), await plane.make_thing()
    await plane.connect(reader, channel, "m_read")
    await plane.connect(writer, channel, "m_write")

    async with mqtt(plane.nats, reader) as reading, mqtt(plane.nats, writer) as writing:
        assert await writing.subscribe(topic(channel)) == REFUSED
        assert await reading.subscribe(topic(channel), 1) == 1
        await reading.publish(topic(channel), b"from the reader", 1)
        await writing.publish(topic(channel), b"from the writer", 1)

        assert await reading.next() == (topic(channel), b"from the writer")
        assert reading.waiting == 0


async def test_a_thing_without_channels_may_do_nothing(plane: Plane) -> None:
    thing = await plane.make_thing()
    _, foreign = await plane.connected_thing()

    async with platform_subscriber(plane.nats, foreign) as messages:
        async with mqtt(plane.nats, thing) as device:
            assert await device.subscribe("#") == REFUSED
            assert await device.subscribe(topic(foreign)) == REFUSED
            await device.publish(topic(foreign), b"foreign", 1)
        await plane.publish(thing, foreign)

        assert messages.empty()


async def test_every_quality_of_service_retained_will_and_offline_session(plane: Plane) -> None:
    writer, channel = await plane.connected_thing()
    reader = await plane.make_thing()
    await plane.connect(reader, channel)

    async with mqtt(plane.nats, writer, will=(topic(channel, "/will"), b"gone")) as writing:
        async with mqtt(plane.nats, reader, clean=False) as reading:
            assert await reading.subscribe(topic(channel, "/#"), 2) == 2
            for qos in (0, 1, 2):
                await writing.publish(topic(channel, f"/{qos}"), b"x", qos)
            topics = {(await reading.next())[0] for _ in range(3)}
            assert topics == {topic(channel, f"/{qos}") for qos in (0, 1, 2)}

        await writing.publish(topic(channel, "/offline"), b"kept", 1)
        await writing.publish(topic(channel, "/state"), b"on", 1, retain=True)
        writing.vanish()
        await writing.until_ended()

    async with mqtt(plane.nats, reader, clean=False) as reading:
        got = {await reading.next() for _ in range(2)}
        assert got == {(topic(channel, "/offline"), b"kept"), (topic(channel, "/state"), b"on")}
    async with mqtt(plane.nats, reader) as reading:
        assert await reading.subscribe(topic(channel, "/#"), 1) == 1
        assert await reading.next() == (topic(channel, "/state"), b"on")


async def test_a_will_reaches_those_in_the_channel(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()

    async with platform_subscriber(plane.nats, channel) as messages:
        async with mqtt(plane.nats, thing, will=(topic(channel, "/will"), b"gone")) as device:
            device.vanish()
            await device.until_ended()

        message = await asyncio.wait_for(messages.get(), 20)
    assert (message.subject, message.data) == (f"channels.{channel}.messages.will", b"gone")


async def test_http_reaches_mqtt_and_mqtt_reaches_the_platform(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()

    async with (
        platform_subscriber(plane.nats, channel) as messages,
        mqtt(plane.nats, thing, transport="websockets") as device,
    ):
        assert await device.subscribe(topic(channel, "/req")) == 0
        assert (await plane.publish(thing, channel, b"command", subtopic="/req")).status == 202
        assert await device.next() == (topic(channel, "/req"), b"command")
        await device.publish(topic(channel, "/res"), b"answer", 1)

        over_http = await asyncio.wait_for(messages.get(), 20)
        over_mqtt = await asyncio.wait_for(messages.get(), 20)

    assert over_http.data == b"command"
    assert (over_mqtt.subject, over_mqtt.data) == (f"channels.{channel}.messages.res", b"answer")
    assert over_mqtt.headers is not None
    assert json.loads(over_mqtt.headers["Nats-Request-Info"])["user"] == thing.id


async def test_plain_nats_has_the_same_rules_and_cannot_pretend(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()
    other = await plane.make_channel()

    async with (
        platform_subscriber(plane.nats, channel) as messages,
        nats_device(plane.nats, thing) as (device, complaints),
    ):
        own = await device.subscribe(f"channels.{channel}.messages.>")
        forged = {"Nats-Request-Info": '{"user":"somebody"}'}
        await device.publish(f"channels.{channel}.messages.x", b"own", headers=forged)
        for foreign in (">", f"channels.{other}.messages", "$MQTT.msgs.>", "$SYS.>", "events.>"):
            await device.subscribe(foreign)
            await device.publish(foreign.replace(">", "x"), b"foreign")
        await device.flush()

        assert (await own.next_msg(20)).data == b"own"
        message = await asyncio.wait_for(messages.get(), 20)
    assert message.headers is not None
    assert json.loads(message.headers["Nats-Request-Info"])["user"] == thing.id
    assert len([text for text in complaints if "permissions violation" in text]) == 10


async def test_the_platforms_own_users_are_no_devices(plane: Plane) -> None:
    for url in (plane.nats.url, plane.nats.devices_url, plane.nats.system_url):
        user, _, key = url.removeprefix("nats://").partition("@")[0].partition(":")
        for transport in ("tcp", "websockets"):
            with pytest.raises(MqttRefused):
                async with mqtt(
                    plane.nats,
                    Thing(user, key),
                    client_id=str(uuid4()),
                    transport=transport,
                ):
                    pass
    reader, writer = await asyncio.open_connection(LOOPBACK, plane.nats.port)
    writer.write(b'CONNECT {"user":"nobody","pass":"x"}\r\nPING\r\n')
    assert b"Authorization Violation" in await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()


@pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="needs mosquitto-clients")
async def test_mosquittos_commands_work_as_everybody_types_them(plane: Plane) -> None:
    thing, channel = await plane.connected_thing()
    common = ("-h", LOOPBACK, "-p", str(plane.nats.mqtt_port), "-u", thing.id, "-P", thing.key)
    where = ("-t", topic(channel, "/temperature"))

    async def run(program: str, *options: str) -> tuple[int | None, bytes]:
        process = await asyncio.create_subprocess_exec(
            *(program, *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
        return process.returncode, said

    # Retained, so that it does not matter when the subscription is there.
    assert (await run("mosquitto_pub", *common, *where, "-m", "21", "-r", "-q", "1"))[0] == 0
    heard = await run("mosquitto_sub", *common, *where, "-v", "-C", "1", "-W", "20")

    assert heard == (0, f"{topic(channel, '/temperature')} 21\n".encode())
    assert (await run("mosquitto_pub", *common[:-1], "wrong", *where, "-m", "1"))[0] != 0
    assert (await run("mosquitto_pub", *common, "-i", "somebody", *where, "-m", "1"))[0] != 0
