"""New keys, lost keys, and a restored backup: what docs/operations.md tells an operator to do."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiohttp import web
from msgspec.structs import replace
from pytest_aiohttp.plugin import AiohttpClient

from deploy.embedded.programs import postgres_programs
from services.bootstrap.app import create_app as create_bootstrap
from services.bootstrap.repository.rows import SEALED as SEALED_BY_BOOTSTRAP
from services.bootstrap.settings import BootstrapSettings
from services.provision.app import create_app as create_provision
from services.provision.repository.sealed import SEALED as SEALED_BY_PROVISION
from services.provision.settings import ProvisionSettings
from services.things.app import create_app as create_things
from services.things.repository.secrets import SEALED as SEALED_BY_THINGS
from services.things.settings import ThingsSettings
from shared.postgres import resealing
from shared.settings import SettingsError
from tests.fixtures.services import MakeSettings, User
from tests.integration.provision.conftest import LAYOUT, Client

OLD, NEW = (b64encode(bytes([number] * 32)).decode() for number in (1, 2))
GATEWAY = {"external_id": "33:52:79:C3:43", "external_key": "label key"}
SEALED = {
    "things": SEALED_BY_THINGS,
    "bootstrap": SEALED_BY_BOOTSTRAP,
    "provision": SEALED_BY_PROVISION,
}
CREATE: dict[str, Callable[[Any], web.Application]] = {
    "things": create_things,
    "bootstrap": create_bootstrap,
    "provision": create_provision,
}


class Installation:
    """Three services that are stopped and started as an operator does it."""

    def __init__(self, settings: dict[str, Any], client: AiohttpClient) -> None:
        self.settings = settings
        self._client = client
        self._running: dict[str, Client] = {}

    async def start(self, key: str) -> None:
        """Stop what runs and start all with an encryption key."""
        await self.stop()
        urls: dict[str, str] = {}
        for service, create in CREATE.items():
            settings = replace(self.settings[service], encryption_key=key)
            if service == "provision":
                settings = replace(settings, **urls)
            client = self._running[service] = await self._client(create(settings))
            urls[f"{service}_url"] = str(client.make_url(""))

    async def stop(self) -> None:
        for client in self._running.values():
            await client.close()
        self._running.clear()

    async def reseal(self, key: str, *options: str) -> list[int]:
        """Run the command for each service; answers the exit codes."""
        return [
            await asyncio.to_thread(
                resealing.main,
                service,
                replace(settings, encryption_key=key),
                SEALED[service],
                options,
            )
            for service, settings in self.settings.items()
        ]

    async def map_gateway(self, user: User) -> Any:
        client = self._running["provision"]
        async with client.post("/mapping", json=GATEWAY, headers=user.headers) as answer:
            assert answer.status == 201, await answer.text()
            return await answer.json()

    async def fetch(self) -> tuple[str, str]:
        """What the gateway gets: its thing's id and key."""
        client, headers = self._running["bootstrap"], {"Authorization": "Thing label key"}
        url = f"/things/bootstrap/{GATEWAY['external_id']}"
        async with client.get(url, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            config = await answer.json()
        return config["thing_id"], config["thing_key"]

    async def identify(self, secret: str) -> int:
        headers = {"Authorization": f"Thing {secret}"}
        async with self._running["things"].post("/identify", headers=headers) as answer:
            return answer.status

    def urls(self) -> dict[str, str]:
        return {service: settings.database_url for service, settings in self.settings.items()}


@pytest.fixture
async def installation(
    make_settings: MakeSettings[Any], users_url: str, aiohttp_client: AiohttpClient
) -> Installation:
    """Not started yet."""
    settings = {
        "things": await make_settings(ThingsSettings, "things", USERS_URL=users_url),
        "bootstrap": await make_settings(BootstrapSettings, "bootstrap", USERS_URL=users_url),
        "provision": await make_settings(
            ProvisionSettings,
            "provision",
            PROVISION_USERS_LOCATION=users_url,
            PROVISION_CONFIG_FILE=str(LAYOUT),
        ),
    }
    return Installation(settings, aiohttp_client)


async def test_a_new_encryption_key_replaces_the_old_one_while_services_run(
    installation: Installation, alice: User
) -> None:
    await installation.start(OLD)
    mapping = await installation.map_gateway(alice)
    (thing,) = mapping["things"]

    await installation.start(f"{NEW},{OLD}")
    assert await installation.fetch() == (thing["id"], thing["key"])
    assert await installation.reseal(f"{NEW},{OLD}") == [0, 0, 0]
    assert await installation.fetch() == (thing["id"], thing["key"])

    await installation.start(NEW)
    assert await installation.fetch() == (thing["id"], thing["key"])
    assert await installation.identify(thing["key"]) == 200
    assert await installation.map_gateway(alice) == mapping
    with_old_key = replace(installation.settings["things"], encryption_key=OLD)
    runner = web.AppRunner(create_things(with_old_key))
    with pytest.raises(SettingsError, match="SMQ_ENCRYPTION_KEY"):
        await runner.setup()
    await runner.cleanup()


async def test_a_new_lookup_key_needs_the_service_stopped_and_loses_nothing(
    installation: Installation, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    await installation.start(OLD)
    mapping = await installation.map_gateway(alice)
    before = await fingerprints(installation)

    assert await installation.reseal(OLD, "--lookup-key") == [1, 1, 1]
    assert "supermq-things: stop the service first" in capsys.readouterr().err
    assert await fingerprints(installation) == before

    await installation.stop()
    assert await installation.reseal(OLD, "--lookup-key") == [0, 0, 0]
    assert not before & await fingerprints(installation)
    await installation.start(OLD)
    assert await installation.identify(mapping["things"][0]["key"]) == 200
    assert await installation.map_gateway(alice) == mapping


async def test_after_a_lost_key_gateways_are_mapped_again(
    installation: Installation, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    await installation.start(OLD)
    before = await installation.map_gateway(alice)
    await installation.stop()

    assert await installation.reseal(NEW) == [1, 1, 1]
    assert "opens with none of the keys" in capsys.readouterr().err
    assert await installation.reseal(NEW, "--give-up-lost") == [0, 0, 0]

    await installation.start(NEW)
    after = await installation.map_gateway(alice)
    assert after["things"][0]["id"] != before["things"][0]["id"]
    assert await installation.fetch() == (after["things"][0]["id"], after["things"][0]["key"])
    assert await installation.identify(before["things"][0]["key"]) == 404


async def test_a_gateway_still_fetches_after_its_databases_were_restored(
    installation: Installation, alice: User, tmp_path: Path
) -> None:
    await installation.start(OLD)
    mapping = await installation.map_gateway(alice)
    (thing,) = mapping["things"]

    for service, url in installation.urls().items():
        await run("pg_dump", "--format=custom", f"--file={tmp_path / service}", url)
    await installation.stop()
    for service, url in installation.urls().items():
        await make_anew(url)
        await run("pg_restore", "--no-owner", f"--dbname={url}", str(tmp_path / service))

    await installation.start(OLD)
    assert await installation.fetch() == (thing["id"], thing["key"])
    assert await installation.identify(thing["key"]) == 200
    assert await installation.map_gateway(alice) == mapping


async def fingerprints(installation: Installation) -> set[bytes]:
    """Of the gateway's thing, config and mapping."""
    columns = {
        "things": "SELECT secret_fingerprint FROM things",
        "bootstrap": "SELECT thing_key_fingerprint FROM configs",
        "provision": "SELECT fingerprint FROM mappings",
    }
    found = set()
    for service, url in installation.urls().items():
        connection = await asyncpg.connect(url)
        found.add(await connection.fetchval(columns[service]))
        await connection.close()
    return found


async def make_anew(url: str) -> None:
    """Drop a database with everything in it, and make an empty one of its name."""
    parts = urlsplit(url)
    name = parts.path.removeprefix("/")
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.execute(f'CREATE DATABASE "{name}"')
    await server.close()


async def run(program: str, *arguments: str) -> None:
    """One of PostgreSQL's programs."""
    path = postgres_programs(None, Path()) / program
    process = await asyncio.create_subprocess_exec(path, *arguments)
    assert await process.wait() == 0
