"""Messages over HTTP: who may publish, what is taken, and what a subscriber gets."""

from __future__ import annotations

import asyncio
import base64
import time
from uuid import uuid4

import pytest
from yarl import URL

from deploy.embedded.ports import LOOPBACK, free_port
from shared.http.operation import BODY_LIMIT_BYTES
from tests.integration.bootstrap.platform import Faults
from tests.integration.messages.conftest import StartAdapter
from tests.integration.messages.devices import platform_subscriber
from tests.integration.messages.plane import Client, Plane, Thing
from tests.waiting import eventually

JSON = "application/json"
KEY_MISSING = "missing or invalid bearer entity key"


async def test_a_message_reaches_subscribers_as_it_is_with_who_when_and_how(
    http_plane: Plane,
) -> None:
    thing, channel = await http_plane.connected_thing()
    before = time.time_ns()

    async with platform_subscriber(http_plane.nats, channel) as messages:
        answer = await http_plane.publish(thing, channel, b"\x00raw\xff", subtopic="/a/b?x=1")
        message = await asyncio.wait_for(messages.get(), 20)

    assert (answer.status, await answer.read()) == (202, b"")
    assert message.subject == f"channels.{channel}.messages.a.b"
    assert message.data == b"\x00raw\xff"
    assert message.headers is not None
    assert message.headers["Smq-Publisher"] == thing.id
    assert message.headers["Smq-Protocol"] == "http"
    assert message.headers["Content-Type"] == JSON
    assert before <= int(message.headers["Smq-Created"]) <= time.time_ns()


async def test_what_is_taken_and_what_is_refused(http_plane: Plane) -> None:
    thing, channel = await http_plane.connected_thing()
    reader = await http_plane.make_thing()
    await http_plane.connect(reader, channel, "m_read")
    other = await http_plane.make_channel()
    path = f"/channels/{channel}/messages"
    key = f"Thing {thing.key}"
    cases: list[tuple[str, str, str, int, str]] = [
        (path, key, JSON, 202, ""),
        (path, _basic(":" + thing.key), JSON, 202, ""),
        (path, _basic("anybody:" + thing.key), JSON, 202, ""),
        (path, key, "application/senml+json; charset=utf-8", 202, ""),
        (path, key, "Application/SenML+CBOR", 202, ""),
        (path, key, "text/plain", 415, "unsupported content type"),
        (path, key, "application/jsonp", 415, "unsupported content type"),
        (path, "", JSON, 401, KEY_MISSING),
        (path, thing.key, JSON, 401, KEY_MISSING),
        (path, f"Bearer {thing.key}", JSON, 401, KEY_MISSING),
        (path, "Basic !", JSON, 401, KEY_MISSING),
        (path, _basic("no-colon"), JSON, 401, KEY_MISSING),
        (path, "Thing bad", JSON, 403, ""),
        (path, "Thing b\u00e4d", JSON, 403, ""),
        (path, _basic(":nul\0"), JSON, 403, ""),
        (path, f"Thing {reader.key}", JSON, 403, ""),
        (f"/channels/{other}/messages", key, JSON, 403, ""),
        (f"/channels/{uuid4()}/messages", key, JSON, 403, ""),
        (f"/channels/{channel.upper()}/messages", key, JSON, 403, ""),
        ("/channels/no-uuid/messages", key, JSON, 403, ""),
        ("/channels//messages", key, JSON, 400, "malformed channel id"),
        ("/channels/a.b/messages", key, JSON, 400, "malformed channel id"),
        (f"{path}/a/b*", key, JSON, 400, "malformed subtopic"),
        (f"{path}/a/%zz", key, JSON, 400, "malformed subtopic"),
        (f"{path}/a%0d%0aPUB", key, JSON, 400, "malformed subtopic"),
        (f"{path}/{'a' * 1025}", key, JSON, 400, "malformed subtopic"),
    ]

    for where, authorization, kind, status, error in cases:
        headers = {"Content-Type": kind}
        if authorization:
            headers["Authorization"] = authorization
        answer = await http_plane.adapter.post(_raw(where), data=b"", headers=headers)

        assert answer.status == status, (where, authorization, kind)
        if status >= 400:
            problem = await answer.json()
            assert problem["error"] == error
            assert problem["message"]

    wrong_method = await http_plane.adapter.get(path)
    assert wrong_method.status == 405


async def test_a_body_may_be_a_mebibyte_long(http_plane: Plane) -> None:
    thing, channel = await http_plane.connected_thing()

    async with platform_subscriber(http_plane.nats, channel) as messages:
        whole = await http_plane.publish(thing, channel, b"x" * BODY_LIMIT_BYTES)
        longer = await http_plane.publish(thing, channel, b"x" * (BODY_LIMIT_BYTES + 1))
        after = await http_plane.publish(thing, channel)
        first = await asyncio.wait_for(messages.get(), 20)

    assert (whole.status, longer.status, after.status) == (202, 413, 202)
    assert len(first.data) == BODY_LIMIT_BYTES


async def test_messages_at_the_same_time_all_arrive(http_plane: Plane) -> None:
    thing, channel = await http_plane.connected_thing()

    assert (await http_plane.publish(thing, channel)).status == 202

    async with platform_subscriber(http_plane.nats, channel) as messages:
        answers = await asyncio.gather(
            *(http_plane.publish(thing, channel, str(number).encode()) for number in range(100))
        )
        assert {answer.status for answer in answers} == {202}
        got = {(await asyncio.wait_for(messages.get(), 20)).data for _ in range(100)}

    assert got == {str(number).encode() for number in range(100)}


async def test_every_change_counts_at_once(http_plane: Plane) -> None:
    thing, channel = await http_plane.connected_thing()
    change = http_plane.change
    link = f"/channels/{channel}/things/{thing.id}"

    async def status() -> int:
        return (await http_plane.publish(thing, channel)).status

    async def is_refused() -> bool:
        return await status() == 403

    for away, back in (
        (("DELETE", link), ("PUT", link)),
        (("POST", f"/things/{thing.id}/disable"), ("POST", f"/things/{thing.id}/enable")),
        (("POST", f"/channels/{channel}/disable"), ("POST", f"/channels/{channel}/enable")),
    ):
        assert (await status(), await status()) == (202, 202)
        await change(*away)
        await eventually(is_refused)
        await change(*back)
        assert await status() == 202, back
    await change("PATCH", f"/things/{thing.id}/secret", json={"secret": thing.id})
    await eventually(is_refused)
    thing = Thing(thing.id, thing.id)
    assert (await status(), await status()) == (202, 202)
    await change("DELETE", f"/channels/{channel}")
    await eventually(is_refused)


async def test_a_permission_is_asked_for_once(http_plane: Plane, faults: Faults) -> None:
    thing, channel = await http_plane.connected_thing()

    async def is_remembered() -> bool:
        before = faults.count("POST /channels")
        await http_plane.publish(thing, channel)
        return faults.count("POST /channels") == before

    await eventually(is_remembered)

    faults.answer("POST /channels", 503)
    assert (await http_plane.publish(thing, channel)).status == 202


async def test_without_redis_every_message_is_asked_about(
    http_plane: Plane, start_adapter: StartAdapter
) -> None:
    thing, channel = await http_plane.connected_thing()
    adapter = await start_adapter(REDIS_URL=f"redis://{LOOPBACK}:{free_port()}")
    headers = {"Authorization": f"Thing {thing.key}", "Content-Type": JSON}
    path = f"/channels/{channel}/messages"
    await eventually(lambda: _is_ready(adapter))

    assert (await adapter.post(path, headers=headers)).status == 202
    await http_plane.disconnect(thing, channel)

    assert (await adapter.post(path, headers=headers)).status == 403


@pytest.mark.parametrize("variable", ["THINGS_URL", "NATS_URL"])
async def test_what_is_needed_and_down_is_503(
    http_plane: Plane, start_adapter: StartAdapter, variable: str
) -> None:
    thing, channel = await http_plane.connected_thing()
    scheme = "nats" if variable == "NATS_URL" else "http"
    adapter = await start_adapter(**{variable: f"{scheme}://{LOOPBACK}:{free_port()}"})
    if variable == "THINGS_URL":
        await eventually(lambda: _is_ready(adapter))

    answer = await adapter.post(
        f"/channels/{channel}/messages",
        headers={"Authorization": f"Thing {thing.key}", "Content-Type": JSON},
    )

    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert LOOPBACK not in await answer.text()


async def _is_ready(adapter: Client) -> bool:
    return (await adapter.get("/ready")).status == 200


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


def _raw(path: str) -> URL:
    return URL(path, encoded=True)
