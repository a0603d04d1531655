"""Devices as others have written them: paho over MQTT, nats-py over NATS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import nats
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from deploy.embedded.ports import LOOPBACK
from deploy.embedded.servers import NatsServer
from tests.integration.messages.plane import Thing
from tests.waiting import eventually

PATIENCE_SECONDS = 30
REFUSED = 128


class MqttRefused(Exception):
    """The broker did not let it in."""


class Mqtt:
    """An MQTT client; paho's thread tells the loop what happens."""

    def __init__(self, client: PahoClient) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self.answer: asyncio.Future[bool] = self._loop.create_future()
        self.ended = asyncio.Event()
        self._messages: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._granted: dict[int | None, list[int]] = {}
        self._taken: set[int] = set()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish

    async def subscribe(self, topic: str, qos: int = 0) -> int:
        """The granted QoS, or 128."""
        number = self._client.subscribe(topic, qos)[1]

        async def granted() -> list[int] | None:
            return self._granted.pop(number, None)

        return (await eventually(granted, within_seconds=PATIENCE_SECONDS))[0]

    async def publish(
        self, topic: str, payload: bytes = b"{}", qos: int = 0, *, retain: bool = False
    ) -> None:
        """Publish; with QoS 1 or 2 the broker has acknowledged it."""
        number = self._client.publish(topic, payload, qos, retain).mid

        async def taken() -> bool:
            return number in self._taken

        await eventually(taken, within_seconds=PATIENCE_SECONDS)

    async def next(self) -> tuple[str, bytes]:
        """The next message: topic and payload."""
        return await asyncio.wait_for(self._messages.get(), PATIENCE_SECONDS)

    @property
    def waiting(self) -> int:
        """How many messages came that nobody has taken."""
        return self._messages.qsize()

    async def until_ended(self) -> None:
        """Wait for the broker to end the connection."""
        await asyncio.wait_for(self.ended.wait(), PATIENCE_SECONDS)

    def vanish(self) -> None:
        """Be gone without a farewell."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)

    def _on_connect(
        self, _c: PahoClient, _u: Any, _f: ConnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        self._soon(self._answered, not code.is_failure)

    def _answered(self, is_in: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(is_in)

    def _on_disconnect(
        self, _c: PahoClient, _u: Any, _f: DisconnectFlags, _r: ReasonCode, _p: Properties | None
    ) -> None:
        self._soon(self.ended.set)
        self._soon(self._answered, False)

    def _on_message(self, _c: PahoClient, _u: Any, message: MQTTMessage) -> None:
        self._soon(self._messages.put_nowait, (message.topic, message.payload))

    def _on_subscribe(
        self, _c: PahoClient, _u: Any, number: int, codes: list[ReasonCode], _p: Any
    ) -> None:
        self._soon(self._granted.__setitem__, number, [code.value for code in codes])

    def _on_publish(self, _c: PahoClient, _u: Any, number: int, _r: ReasonCode, _p: Any) -> None:
        self._soon(self._taken.add, number)

    def _soon(self, call: Any, *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(call, *arguments)


@asynccontextmanager
async def mqtt(
    nats_server: NatsServer,
    thing: Thing,
    *,
    client_id: str | None = None,
    clean: bool = True,
    will: tuple[str, bytes] | None = None,
    transport: Literal["tcp", "websockets"] = "tcp",
) -> AsyncIterator[Mqtt]:
    """A device that is logged in for as long as the context lasts.

    Args:
        client_id: `agent-<thing id>` unless given.
        will: Topic and payload of what is published when it vanishes.

    Raises:
        MqttRefused: The broker does not let it in.
    """
    name = f"agent-{thing.id}" if client_id is None else client_id
    client = PahoClient(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=clean,
        transport=transport,
        reconnect_on_failure=False,
    )
    if thing.id or thing.key:
        client.username_pw_set(thing.id, thing.key)
    if will is not None:
        client.will_set(*will)
    device = Mqtt(client)
    port = nats_server.mqtt_port if transport == "tcp" else nats_server.websocket_port
    await asyncio.to_thread(client.connect, LOOPBACK, port)
    client.loop_start()
    try:
        if not await asyncio.wait_for(device.answer, PATIENCE_SECONDS):
            raise MqttRefused
        yield device
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


@asynccontextmanager
async def nats_device(
    nats_server: NatsServer, thing: Thing
) -> AsyncIterator[tuple[NatsClient, list[str]]]:
    """A device that speaks NATS, and what the broker complains about."""
    complaints: list[str] = []

    async def note(error: Exception) -> None:
        complaints.append(str(error))

    client = await nats.connect(
        f"nats://{LOOPBACK}:{nats_server.port}",
        user=thing.id,
        password=thing.key,
        allow_reconnect=False,
        error_cb=note,
    )
    try:
        yield client, complaints
    finally:
        await client.close()


@asynccontextmanager
async def platform_subscriber(
    nats_server: NatsServer, channel_id: str
) -> AsyncIterator[asyncio.Queue[Msg]]:
    """What a service of the platform sees of a channel."""
    messages: asyncio.Queue[Msg] = asyncio.Queue()

    async def note(message: Msg) -> None:
        messages.put_nowait(message)

    client = await nats.connect(nats_server.url)
    for subject in (f"channels.{channel_id}.messages", f"channels.{channel_id}.messages.>"):
        await client.subscribe(subject, cb=note)
    await client.flush()
    try:
        yield messages
    finally:
        await client.close()
