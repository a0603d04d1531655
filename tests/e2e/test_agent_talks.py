"""What a mapping is good for: its gateway's Agent connects and takes commands."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import nats
import pytest
from nats.aio.msg import Msg

from deploy.embedded.ports import LOOPBACK
from tests.agent.agent import AgentSetup, Refused, ThingAnswer, fetch, read_answer
from tests.agent.talking import talking
from tests.e2e.running import Platform
from tests.e2e.test_main_job import post
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("e2e")

ACCOUNT = {"identity": "commander@example.com", "secret": "correct horse"}
GATEWAY = {"external_id": "talking gateway", "external_key": "label key"}
COMMAND = [{"bn": "42:", "n": "exec", "vs": "echo,hello,gateway"}]


async def test_an_agent_connects_with_what_it_was_given_and_answers_a_command(
    platform: Platform,
) -> None:
    await post(f"{platform.users}/users", {"credentials": ACCOUNT})
    token = (await post(f"{platform.users}/users/tokens/issue", ACCOUNT))["access_token"]
    await post(f"{platform.provision}/mapping", GATEWAY, token)
    body = await fetch(
        f"{platform.bootstrap}/things/bootstrap", GATEWAY["external_id"], GATEWAY["external_key"]
    )
    setup = read_answer(body, ThingAnswer)
    operator = await post(f"{platform.things}/things", {"name": "operator"}, token)
    connection = {"thing_ids": [operator["id"]], "channel_ids": [setup.control_channel]}
    headers = {"Authorization": f"Bearer {token}"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        answers_of(platform, setup) as answers,
    ):
        async with session.post(f"{platform.things}/connect", json=connection) as connected:
            assert connected.status == 200, await connected.text()
        with talking(setup, LOOPBACK, platform.ports[1883]):
            await eventually(lambda: is_present(session, platform, setup))
            async with session.post(
                f"{platform.http_adapter}/channels/{setup.control_channel}/messages/req",
                json=COMMAND,
                headers={"Authorization": f"Thing {operator['credentials']['secret']}"},
            ) as taken:
                assert taken.status == 202, await taken.text()

            heard = await asyncio.wait_for(answers.get(), 30)

    assert heard == [{"bn": "42:", "n": "exec", "vs": "hello gateway"}]
    stranger = msgspec.structs.replace(setup, mqtt_password="another key")
    with pytest.raises(Refused, match="not let in"):
        await asyncio.to_thread(talk, stranger, platform.ports[1883])


def talk(setup: AgentSetup, port: int) -> None:
    with talking(setup, LOOPBACK, port):
        pass


async def is_present(session: aiohttp.ClientSession, platform: Platform, setup: AgentSetup) -> bool:
    url = f"http://localhost:{platform.ports[8009]}/things/{setup.mqtt_username}/presence"
    async with session.get(url) as answer:
        return bool((await answer.json())["connected"])


@asynccontextmanager
async def answers_of(platform: Platform, setup: AgentSetup) -> AsyncIterator[asyncio.Queue[Any]]:
    """What a service of the platform hears of an Agent."""
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def note(message: Msg) -> None:
        heard.put_nowait(json.loads(message.data))

    password = (platform.data / "secrets" / "nats-password").read_text().strip()
    client = await nats.connect(
        f"nats://{LOOPBACK}:{platform.ports[4222]}", user="supermq", password=password
    )
    await client.subscribe(f"channels.{setup.control_channel}.messages.res", cb=note)
    await client.flush()
    try:
        yield heard
    finally:
        await client.close()
