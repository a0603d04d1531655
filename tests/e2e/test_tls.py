"""A gateway's first day through the front door alone: set up, fetched, talking."""

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import aiohttp
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from yarl import URL

from tests.e2e.running import Platform

pytestmark = pytest.mark.xdist_group("e2e")

ACCOUNT = {"identity": "operator.tls@example.com", "secret": "correct horse"}
GATEWAY = {"external_id": "TLS/gateway 1", "external_key": "label key"}
PATIENCE_SECONDS = 30


@contextmanager
def device(
    platform: Platform, thing: dict[str, Any], name: str, transport: Literal["tcp", "websockets"]
) -> Iterator[tuple[Client, queue.SimpleQueue[str]]]:
    """An MQTT client that trusts the platform's authority alone; what happens is in the queue."""
    happened: queue.SimpleQueue[str] = queue.SimpleQueue()
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=f"{thing['id']}-{name}", transport=transport
    )
    client.username_pw_set(thing["id"], thing["key"])
    client.tls_set(ca_certs=str(platform.data / "tls" / "ca.crt"))
    client.on_connect = lambda *arguments: happened.put(f"connected: {arguments[3]}")
    client.on_subscribe = lambda *_: happened.put("listening")

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        happened.put(message.payload.decode())

    client.on_message = on_message
    client.connect("localhost", platform.ports[8883 if transport == "tcp" else 8443])
    client.loop_start()
    try:
        assert happened.get(timeout=PATIENCE_SECONDS) == "connected: Success"
        yield client, happened
    finally:
        client.disconnect()
        client.loop_stop()


async def test_a_gateway_is_set_up_and_talks_through_the_front_door(platform: Platform) -> None:
    trusted = ssl.create_default_context(cafile=platform.data / "tls" / "ca.crt")
    door = f"https://localhost:{platform.ports[8443]}"
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(door, connector=connector) as session:

        async def post(path: str, body: Any, authorization: str = "") -> Any:
            headers = {"Authorization": authorization} if authorization else {}
            async with session.post(path, json=body, headers=headers) as answer:
                assert answer.status in (201, 202), await answer.text()
                return await answer.json() if answer.status == 201 else None

        await post("/users", {"credentials": ACCOUNT})
        token = (await post("/users/tokens/issue", ACCOUNT))["access_token"]
        mapping = await post("/mapping", GATEWAY, f"Bearer {token}")
        headers = {"Authorization": f"Thing {GATEWAY['external_key']}"}
        path = "/things/bootstrap/TLS%2Fgateway%201"
        async with session.get(URL(path, encoded=True), headers=headers) as answer:
            fetched = await answer.json()

        thing, channel = mapping["things"][0], mapping["channels"][1]["id"]
        assert (fetched["thing_id"], fetched["thing_key"]) == (thing["id"], thing["key"])
        topic = f"channels/{channel}/messages"
        with device(platform, thing, "listens", "websockets") as (listener, heard):
            listener.subscribe(f"{topic}/#")
            assert heard.get(timeout=PATIENCE_SECONDS) == "listening"
            with device(platform, thing, "talks", "tcp") as (talker, _):
                talker.publish(topic, '"over MQTT"', qos=1)
                assert heard.get(timeout=PATIENCE_SECONDS) == '"over MQTT"'
            await post(f"/{topic}", "over HTTP", f"Thing {thing['key']}")
            assert heard.get(timeout=PATIENCE_SECONDS) == '"over HTTP"'
