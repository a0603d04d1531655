"""Layouts by name over HTTP, and reading them again while the service runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from services.provision.app import create_app
from services.provision.settings import ProvisionSettings
from shared.http.serve import RELOAD
from shared.settings import SettingsError
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings, User
from tests.integration.provision.conftest import Client, Platform
from tests.waiting import eventually

GATEWAY = {"external_id": "33:52:79:C3:43", "external_key": "223334fw2"}
EDGE = """
template = true

[[things]]
name = "gateway"
tags = ["edge"]

[things.metadata]
external_id = ""
reports_on = "${channels.data.id}"

[[things]]
name = "sensor of ${name}"
connect = ["data"]
certificate = { ttl = "720h" }

[[channels]]
name = "control"
metadata = { type = "control" }

[[channels]]
name = "data of ${external_id}"
alias = "data"
metadata = { type = "data" }

[bootstrap.content.agent.heartbeat]
interval = "30s"

[bootstrap.content.own]
topic = "channels/${channels.data.id}/messages"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of layouts, with one in it."""
    folder = tmp_path / "layouts"
    folder.mkdir()
    folder.joinpath("edge.toml").write_text(EDGE)
    return folder


@pytest.fixture
async def platform(new_platform: Callable[..., Awaitable[Platform]], folder: Path) -> Platform:
    """Provision with the printed layout and the folder's."""
    return await new_platform(PROVISION_LAYOUT_DIR=str(folder))


@pytest.fixture
async def provision(
    aiohttp_client: AiohttpClient,
    make_settings: MakeSettings[ProvisionSettings],
    users_url: str,
    folder: Path,
    tmp_path: Path,
) -> Client:
    """Provision with the built-in layout and the folder's, and nobody to map with."""
    settings = await make_settings(
        ProvisionSettings,
        "provision",
        PROVISION_USERS_LOCATION=users_url,
        PROVISION_CONFIG_FILE=str(tmp_path / "none.toml"),
        PROVISION_LAYOUT_DIR=str(folder),
    )
    return await aiohttp_client(create_app(settings))


async def get(client: Client, user: User, path: str) -> Any:
    response = await client.get(path, headers=user.headers)
    assert response.status == 200
    return await response.json()


async def versions(client: Client, user: User) -> dict[str, str]:
    page = await get(client, user, "/layouts?limit=100")
    return {layout["name"]: layout["version"] for layout in page["layouts"]}


def reload(client: Client) -> None:
    """What SIGHUP does."""
    client.app[RELOAD]()


async def test_the_layouts_are_listed_with_what_they_make(provision: Client, alice: User) -> None:
    page = await get(provision, alice, "/layouts")

    default, edge = page.pop("layouts")
    assert page == {"total": 2, "offset": 0, "limit": 10}
    version = edge.pop("version")
    assert edge == {"name": "edge", "things": 2, "channels": 2, "source": "folder"}
    assert len(version) == 12
    assert (default["name"], default["source"]) == ("default", "default")
    assert (default["things"], default["channels"]) == (1, 2)


async def test_the_list_comes_in_parts(provision: Client, alice: User) -> None:
    page = await get(provision, alice, "/layouts?offset=1&limit=1")

    assert page["total"] == 2
    assert [layout["name"] for layout in page["layouts"]] == ["edge"]


async def test_a_layout_is_shown_as_it_was_read(provision: Client, alice: User) -> None:
    shown = await get(provision, alice, "/layouts/edge")

    assert len(shown.pop("version")) == 12
    assert shown == {
        "name": "edge",
        "source": "folder",
        "template": True,
        "provision": True,
        "autowhite_list": True,
        "cert_ttl": "",
        "things": [
            {
                "name": "gateway",
                "tags": ["edge"],
                "metadata": {"external_id": "", "reports_on": "${channels.data.id}"},
            },
            {
                "name": "sensor of ${name}",
                "connect": ["data"],
                "certificate": {"ttl": "720h"},
            },
        ],
        "channels": [
            {"name": "control", "metadata": {"type": "control"}},
            {"name": "data of ${external_id}", "alias": "data", "metadata": {"type": "data"}},
        ],
        "content": {
            "agent": {"heartbeat": {"interval": "30s"}},
            "own": {"topic": "channels/${channels.data.id}/messages"},
        },
    }


async def test_an_unknown_layout_is_not_found(provision: Client, alice: User) -> None:
    response = await provision.get("/layouts/none", headers=alice.headers)

    assert response.status == 404
    assert (await response.json())["code"] == "layout_not_found"


@pytest.mark.parametrize("path", ["/layouts", "/layouts/edge"])
async def test_layouts_are_for_users(provision: Client, path: str) -> None:
    assert (await provision.get(path)).status == 401


async def test_a_gateway_is_set_up_by_the_layout_it_names(platform: Platform, alice: User) -> None:
    response = await platform.provision.post(
        "/mapping", json=GATEWAY | {"layout": "edge", "name": "roof"}, headers=alice.headers
    )

    answer = await response.json()
    gateway, sensor = answer["things"]
    _, data = answer["channels"]
    assert response.status == 201
    assert (gateway["name"], sensor["name"]) == ("roof", "sensor of roof")
    assert data["name"] == "data of 33:52:79:C3:43"
    assert gateway["tags"] == ["edge"]
    assert gateway["metadata"]["reports_on"] == data["id"]
    shown = await get(platform.things, alice, f"/things/{gateway['id']}")
    assert shown["tags"] == ["edge"]
    connected = await get(platform.things, alice, f"/things/{sensor['id']}/channels")
    assert [channel["id"] for channel in connected["channels"]] == [data["id"]]
    fetched = await platform.bootstrap.get(
        "/things/bootstrap/33:52:79:C3:43", headers={"Authorization": "Thing 223334fw2"}
    )
    content = json.loads((await fetched.json())["content"])
    assert content["own"] == {"topic": f"channels/{data['id']}/messages"}


async def test_the_journal_knows_layout_and_version(platform: Platform, alice: User) -> None:
    expected = (await versions(platform.provision, alice))["edge"]

    await platform.provision.post(
        "/mapping", json=GATEWAY | {"layout": "edge"}, headers=alice.headers
    )

    record = await get(platform.provision, alice, "/mappings/33:52:79:C3:43")
    assert record["layout"] == "edge"
    connection = await asyncpg.connect(platform.settings.database_url)
    try:
        version = await connection.fetchval("SELECT layout_version FROM mappings")
    finally:
        await connection.close()
    assert version == expected


async def test_an_unknown_layout_is_refused_before_anything_is_made(
    platform: Platform, alice: User
) -> None:
    response = await platform.provision.post(
        "/mapping", json=GATEWAY | {"layout": "none"}, headers=alice.headers
    )

    body = await response.json()
    assert response.status == 400
    assert (body["code"], body["details"]) == ("layout_unknown", {"layout": "none"})
    assert (await get(platform.provision, alice, "/mappings"))["total"] == 0


async def test_another_layout_for_a_mapped_gateway_is_a_conflict(
    platform: Platform, alice: User
) -> None:
    await platform.provision.post("/mapping", json=GATEWAY, headers=alice.headers)

    response = await platform.provision.post(
        "/mapping", json=GATEWAY | {"layout": "edge"}, headers=alice.headers
    )

    assert response.status == 409
    assert (await response.json())["details"] == {"differs": ["layout"]}


async def test_a_reload_brings_new_layouts_and_new_versions(
    provision: Client, alice: User, folder: Path
) -> None:
    before = await versions(provision, alice)
    folder.joinpath("edge.toml").write_text(EDGE + "more = 1\n")
    folder.joinpath("small.toml").touch()

    reload(provision)

    after = await versions(provision, alice)
    assert after.keys() == {"default", "edge", "small"}
    assert after["default"] == before["default"]
    assert after["edge"] != before["edge"]


async def test_a_mapping_keeps_the_layout_it_was_made_by(
    platform: Platform, alice: User, folder: Path
) -> None:
    body = GATEWAY | {"layout": "edge"}
    first = await platform.provision.post("/mapping", json=body, headers=alice.headers)
    folder.joinpath("edge.toml").write_text('[[channels]]\nname = "other"\n')
    reload(platform.provision)

    again = await platform.provision.post("/mapping", json=body, headers=alice.headers)

    assert again.headers["Idempotent-Replay"] == "true"
    assert await again.json() == await first.json()


async def test_a_faulty_file_keeps_all_layouts_as_they_were(
    provision: Client, alice: User, folder: Path
) -> None:
    before = await versions(provision, alice)
    folder.joinpath("edge.toml").write_text("")
    folder.joinpath("faulty.toml").write_text("things = 1\n")

    reload(provision)

    assert await versions(provision, alice) == before


def test_a_faulty_file_stops_the_start(folder: Path) -> None:
    folder.joinpath("faulty.toml").write_text("things = 1\nchannels = 1\n")

    with pytest.raises(SettingsError) as refused:
        create_app(ProvisionSettings(config_file="missing.toml", layout_dir=str(folder)))

    assert len(refused.value.problems) == 2


@pytest.fixture
async def process(
    make_settings: MakeSettings[ProvisionSettings], users_url: str, folder: Path, tmp_path: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Provision as two worker processes and their supervisor, and its address."""
    settings = await make_settings(ProvisionSettings, "provision")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "DATABASE_URL": settings.database_url,
        "SERVICE_SECRET": SERVICE_SECRETS["provision"],
        "STATE_DIR": settings.state_dir,
        "NATS_URL": settings.nats_url,
        "REDIS_URL": settings.redis_url,
        "USERS_LOCATION": users_url,
        "CONFIG_FILE": str(tmp_path / "none.toml"),
        "LAYOUT_DIR": str(folder),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "WORKERS": "2",
        "AUTO_MIGRATE": "false",
    }
    environment = os.environ | {f"SMQ_PROVISION_{name}": one for name, one in variables.items()}
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.provision",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    yield started, f"http://127.0.0.1:{port}"
    if started.returncode is None:
        started.terminate()
    await started.wait()


async def test_sighup_reaches_every_worker(
    process: tuple[asyncio.subprocess.Process, str], alice: User, folder: Path
) -> None:
    started, url = process

    async def seen() -> set[str] | None:
        """Names of layouts, as ten connections see them; workers take turns at random."""
        names: set[str] = set()
        for _ in range(10):
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{url}/layouts", headers=alice.headers) as response,
                ):
                    page = await response.json()
            except aiohttp.ClientConnectionError:
                return None
            if response.status != 200:
                return None
            names.add(" ".join(layout["name"] for layout in page["layouts"]))
        return names

    async def everybody_has(wanted: str) -> bool:
        return await seen() == {wanted}

    await eventually(lambda: everybody_has("default edge"), what="the start", within_seconds=30)
    folder.joinpath("small.toml").touch()

    started.send_signal(signal.SIGHUP)

    await eventually(lambda: everybody_has("default edge small"), what="the reload")
    assert started.returncode is None
