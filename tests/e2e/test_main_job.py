"""What everything else serves: one call sets a gateway up, and its Agent can start with it."""

import json
import tomllib
from typing import Any

import aiohttp
import pytest

from tests.agent.agent import GENERATIONS, fetch, read_answer
from tests.e2e.running import ROOT, Platform

pytestmark = pytest.mark.xdist_group("e2e")

LAYOUT = ROOT / "deploy/addons/provision/configs/config.toml"
ACCOUNT = {"identity": "operator@example.com", "secret": "correct horse"}
# Ids as they are printed on labels: with characters that mean something in URLs.
GATEWAY = {"external_id": "B8:27:EB/1", "external_key": "label key", "name": "gateway 1"}


async def test_agents_of_every_generation_start_with_what_one_mapping_set_up(
    platform: Platform,
) -> None:
    await post(f"{platform.users}/users", {"credentials": ACCOUNT})
    tokens = await post(f"{platform.users}/users/tokens/issue", ACCOUNT)
    mapping = await post(f"{platform.provision}/mapping", GATEWAY, tokens["access_token"])

    device_answer = await fetch(
        f"{platform.bootstrap}/things/bootstrap", GATEWAY["external_id"], GATEWAY["external_key"]
    )

    thing = mapping["things"][0]
    channels = {channel["metadata"]["type"]: channel["id"] for channel in mapping["channels"]}
    for generation in GENERATIONS:
        setup = read_answer(device_answer, generation)
        assert (setup.mqtt_username, setup.mqtt_password) == (thing["id"], thing["key"])
        assert setup.control_channel == channels["control"]
        assert setup.data_channel == channels["data"]
        assert setup.export.routes[0].mqtt_topic == f"channels/{channels['data']}/messages"
    content = tomllib.loads(LAYOUT.read_text())["bootstrap"]["content"]
    assert json.loads(json.loads(device_answer)["content"]) == content


async def post(url: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    """Create something and answer what the service says about it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers=headers) as answer,
    ):
        assert answer.status == 201, await answer.text()
        created: dict[str, Any] = await answer.json()
        return created
