"""The bootstrap service on a fresh database, and mappings that make configs in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from nats.js import JetStreamContext
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from deploy.embedded.servers import NatsServer
from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from shared.events.broker import Broker
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User
from tests.integration.bootstrap.mappings import Api, Mappings
from tests.integration.bootstrap.platform import Faults, Platform

FETCH_KEY = "v7aT0HGxJxt2gULzr3RHwf4WIf6DusPp"

NewApi = Callable[..., Awaitable[Api]]


@pytest.fixture
def new_api(
    make_settings: MakeSettings[BootstrapSettings], users_url: str, aiohttp_client: AiohttpClient
) -> NewApi:
    """Starts the service with further variables."""

    async def new(**variables: str) -> Api:
        settings = await make_settings(
            BootstrapSettings,
            "bootstrap",
            USERS_URL=users_url,
            **{"BOOTSTRAP_ENCRYPT_KEY": FETCH_KEY, **variables},
        )
        client = await aiohttp_client(create_app(settings))
        return Api(client, settings.database_url)

    return new


@pytest.fixture
async def bootstrap_api(new_api: NewApi) -> Api:
    """The service as it is started by default."""
    return await new_api()


@pytest.fixture
async def new_platform(
    new_api: NewApi,
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    aiohttp_server: AiohttpServer,
    aiohttp_client: AiohttpClient,
) -> Callable[..., Awaitable[Platform]]:
    """Starts things, and bootstrap with further variables."""

    async def new(**variables: str) -> Platform:
        faults = Faults()
        app = create_things(await make_settings(ThingsSettings, "things", USERS_URL=users_url))
        app.middlewares.insert(0, faults.middleware)
        server = await aiohttp_server(app)
        api = await new_api(THINGS_URL=str(server.make_url("")), **variables)
        return Platform(api, await aiohttp_client(server), faults)

    return new


@pytest.fixture
async def platform(new_platform: Callable[..., Awaitable[Platform]]) -> Platform:
    """Both services as they are started by default."""
    return await new_platform()


@pytest.fixture
async def platform_database(platform: Platform) -> AsyncIterator[Database]:
    """The database of bootstrap there."""
    async with Database.open(platform.api.database_url, size=2) as database:
        yield database


@pytest.fixture
async def database(bootstrap_api: Api) -> AsyncIterator[Database]:
    """The service's database."""
    async with Database.open(bootstrap_api.database_url, size=2) as database:
        yield database


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    """The event stream."""
    async with Broker.open(nats_server.url, "tests") as broker:
        yield await broker.jetstream()


@pytest.fixture
def provision_token(users_stand_in: UsersStandIn) -> Callable[..., str]:
    """Makes tokens of a service that acts for a user, provision's if not said otherwise."""

    def token(user: User, mapping_id: UUID, *, scope: str = "", service: str = "provision") -> str:
        return users_stand_in.token(
            user.id, kind="service", service=service, scope=scope or f"mapping:{mapping_id}"
        )

    return token


@pytest.fixture
def mappings_in(provision_token: Callable[..., str], alice: User) -> Callable[[Api], Mappings]:
    """Makes what makes configs in a running service, Alice's if not said otherwise."""
    return lambda api: Mappings(api, provision_token, alice)


@pytest.fixture
def mappings(mappings_in: Callable[[Api], Mappings], bootstrap_api: Api) -> Mappings:
    """Makes configs as provision does."""
    return mappings_in(bootstrap_api)
