"""Provision among the real things and bootstrap, each on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec import Struct
from nats.js import JetStreamContext
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from deploy.embedded.servers import NatsServer
from services.bootstrap.app import create_app as create_bootstrap
from services.bootstrap.settings import BootstrapSettings
from services.provision.app import create_app as create_provision
from services.provision.settings import ProvisionSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from shared.events.broker import Broker
from tests.fixtures.services import MakeSettings

Client = TestClient[web.Request, Any]
NewProvision = Callable[..., Awaitable[Client]]

LAYOUT = Path("deploy/addons/provision/configs/config.toml").resolve()


class Platform(Struct, frozen=True):
    """Clients of the three services, and provision's settings."""

    provision: Client
    things: Client
    bootstrap: Client
    settings: ProvisionSettings


@pytest.fixture
async def things_settings(
    make_settings: MakeSettings[ThingsSettings], users_url: str
) -> ThingsSettings:
    return await make_settings(ThingsSettings, "things", USERS_URL=users_url)


@pytest.fixture
async def things_server(
    things_settings: ThingsSettings, aiohttp_server: AiohttpServer
) -> TestServer:
    return await aiohttp_server(create_things(things_settings))


@pytest.fixture
async def bootstrap_settings(
    make_settings: MakeSettings[BootstrapSettings], users_url: str, things_server: TestServer
) -> BootstrapSettings:
    things_url = str(things_server.make_url("")).rstrip("/")
    return await make_settings(
        BootstrapSettings, "bootstrap", USERS_URL=users_url, THINGS_URL=things_url
    )


@pytest.fixture
async def bootstrap_server(
    bootstrap_settings: BootstrapSettings, aiohttp_server: AiohttpServer
) -> TestServer:
    return await aiohttp_server(create_bootstrap(bootstrap_settings))


@pytest.fixture
async def new_platform(
    make_settings: MakeSettings[ProvisionSettings],
    aiohttp_client: AiohttpClient,
    things_server: TestServer,
    bootstrap_server: TestServer,
    users_url: str,
) -> Callable[..., Awaitable[Platform]]:
    """Makes provision with further variables, for example `PROVISION_API_KEY`."""

    async def new(**variables: str) -> Platform:
        given = {
            "PROVISION_USERS_LOCATION": users_url,
            "PROVISION_THINGS_LOCATION": str(things_server.make_url("")),
            "PROVISION_BS_SVC_URL": str(bootstrap_server.make_url("/things")),
            "PROVISION_CONFIG_FILE": str(LAYOUT),
        } | variables
        settings = await make_settings(ProvisionSettings, "provision", **given)
        return Platform(
            provision=await aiohttp_client(create_provision(settings)),
            things=await aiohttp_client(things_server),
            bootstrap=await aiohttp_client(bootstrap_server),
            settings=settings,
        )

    return new


@pytest.fixture
async def platform(new_platform: Callable[..., Awaitable[Platform]]) -> Platform:
    """Provision with the layout that the second document prints."""
    return await new_platform()


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    """The event stream."""
    async with Broker.open(nats_server.url, "tests") as broker:
        yield await broker.jetstream()
