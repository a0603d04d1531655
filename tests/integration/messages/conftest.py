"""The whole way of a message, on the broker of this worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from deploy.embedded.servers import NatsServer
from services.http_adapter.app import create_app as create_adapter
from services.http_adapter.settings import HttpAdapterSettings
from services.mqtt_auth.app import create_app as create_auth
from services.mqtt_auth.settings import MqttAuthSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from shared.settings import load_settings
from tests.fixtures.services import MakeSettings, User, environment_of
from tests.integration.bootstrap.platform import Faults
from tests.integration.messages.plane import Client, Gate, Plane
from tests.waiting import eventually

StartAdapter = Callable[..., Awaitable[Client]]
StartAuth = Callable[..., Awaitable[Client]]


@pytest.fixture
def faults() -> Faults:
    """What goes wrong at things."""
    return Faults()


@pytest.fixture
def gate() -> Gate:
    """Holds answers of things back."""
    return Gate()


@pytest.fixture
async def things_server(
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    aiohttp_server: AiohttpServer,
    faults: Faults,
    gate: Gate,
) -> TestServer:
    """The things service."""
    app = create_things(await make_settings(ThingsSettings, "things", USERS_URL=users_url))
    app.middlewares.insert(0, faults.middleware)
    app.middlewares.insert(0, gate.middleware)
    return await aiohttp_server(app)


@pytest.fixture
def start_adapter(
    things_server: TestServer,
    nats_server: NatsServer,
    redis_url: str,
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
) -> StartAdapter:
    """Starts an HTTP adapter with further variables."""

    async def start(**variables: str) -> Client:
        environment = environment_of(
            "http_adapter",
            database_url="",
            nats_url=nats_server.devices_url,
            redis_url=redis_url,
            state=tmp_path / "state",
            variables={"THINGS_URL": str(things_server.make_url("")), **variables},
        )
        settings = load_settings(
            HttpAdapterSettings, service="http_adapter", environment=environment
        )
        return await aiohttp_client(create_adapter(settings))

    return start


@pytest.fixture
async def start_auth(
    things_server: TestServer,
    users_url: str,
    nats_server: NatsServer,
    redis_url: str,
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
) -> AsyncIterator[StartAuth]:
    """Starts mqtt_auth with further variables and waits until the broker asks it."""
    async with AsyncExitStack() as stack:

        async def start(**variables: str) -> Client:
            environment = environment_of(
                "mqtt_auth",
                database_url="",
                nats_url=nats_server.url,
                redis_url=redis_url,
                state=tmp_path / "state",
                variables={
                    "THINGS_URL": str(things_server.make_url("")),
                    "USERS_URL": users_url,
                    "MQTT_AUTH_SYSTEM_NATS_URL": nats_server.system_url,
                    "MQTT_AUTH_ISSUER_SEED": nats_server.issuer_seed,
                    **variables,
                },
            )
            settings = load_settings(MqttAuthSettings, service="mqtt_auth", environment=environment)
            client = await aiohttp_client(create_auth(settings))
            stack.push_async_callback(client.close)

            async def is_ready() -> bool:
                return (await client.get("/ready")).status == 200

            await eventually(is_ready, within_seconds=30, what="mqtt_auth")
            return client

        yield start


@pytest.fixture
async def plane(
    things_server: TestServer,
    start_adapter: StartAdapter,
    start_auth: StartAuth,
    nats_server: NatsServer,
    alice: User,
    aiohttp_client: AiohttpClient,
) -> Plane:
    """All of it, used as Alice."""
    return Plane(
        things=await aiohttp_client(things_server),
        adapter=await start_adapter(),
        auth=await start_auth(),
        nats=nats_server,
        user=alice,
    )


@pytest.fixture
async def http_plane(
    things_server: TestServer,
    start_adapter: StartAdapter,
    nats_server: NatsServer,
    alice: User,
    aiohttp_client: AiohttpClient,
) -> Plane:
    """The same without mqtt_auth."""
    adapter = await start_adapter()
    things: Client = await aiohttp_client(things_server)
    return Plane(things=things, adapter=adapter, auth=adapter, nats=nats_server, user=alice)
