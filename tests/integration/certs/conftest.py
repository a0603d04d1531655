"""Certs beside the real things, one pair for all tests of a module: each makes its own things."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp.plugin import AiohttpClient
from pytest_asyncio import is_async_test

from deploy.embedded.servers import NatsServer
from services.certs.app import create_app
from services.certs.settings import CertsSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from shared.postgres.pool import Database
from shared.settings import ServiceSettings, load_settings
from tests.fakes.users import UsersStandIn
from tests.fixtures.servers import Databases
from tests.fixtures.services import SERVICE_SECRETS, User, environment_of
from tests.integration.things.api import Answer, ThingsApi

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class CertsApi(ThingsApi):
    """Calls certs as a user, and things for what it needs there.

    Attributes:
        things: The things service.
    """

    things: ThingsApi

    async def make_owned_thing(self, user: User) -> str:
        """A thing's id."""
        thing_id: str = (await self.things.make_thing(user))["id"]
        return thing_id

    async def issue(self, user: User, thing_id: str, **members: Any) -> Answer:
        """Ask for a certificate."""
        return await self.call(
            "POST", "/certs", user, {"thing_id": thing_id, "ttl": "24h", **members}
        )

    async def issued(self, user: User, thing_id: str, **members: Any) -> dict[str, Any]:
        """A certificate for a thing, which must be given."""
        answer = await self.issue(user, thing_id, **members)
        assert answer.status == 201, answer
        body: dict[str, Any] = answer.body
        return body

    async def content(self, path: str) -> bytes:
        """What anybody gets from a path."""
        async with self.client.get(path) as response:
            assert response.status == 200
            return await response.read()

    async def serials(self, user: User, thing_id: str) -> list[str]:
        """The living certificates of a thing."""
        answer = await self.call("GET", f"/serials/{thing_id}", user)
        serials: list[str] = answer.body["serials"]
        return serials


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module in one loop, so that they can share running services."""
    here = Path(__file__).parent
    for item in items:
        if is_async_test(item) and item.path.is_relative_to(here):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
def users_stand_in() -> UsersStandIn:
    """Signs tokens for the module's services."""
    return UsersStandIn(SERVICE_SECRETS)


class World:
    """The module's services and how more are told of them."""

    def __init__(self, folder: Path, databases: Databases, nats_url: str, redis_url: str) -> None:
        self._folder = folder
        self._databases = databases
        self._nats_url = nats_url
        self._redis_url = redis_url
        self._taken: list[tuple[str, str]] = []
        self.users_url = ""
        self.things: ThingsApi

    async def settings(self, kind: type[SettingsT], service: str, **variables: str) -> SettingsT:
        """Settings of a service on a database of its own, with further variables."""
        name = await self._databases.take(service)
        self._taken.append((service, name))
        environment = environment_of(
            service,
            database_url=self._databases.url(name),
            nats_url=self._nats_url,
            redis_url=self._redis_url,
            state=self._folder / "state",
            variables={"USERS_URL": self.users_url} | variables,
        )
        return load_settings(kind, service=service, environment=environment)

    async def give_back(self) -> None:
        """The databases, for the next module."""
        for service, name in self._taken:
            await self._databases.give_back(service, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    databases: Databases,
    nats_server: NatsServer,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    users_stand_in: UsersStandIn,
) -> AsyncIterator[World]:
    """Users and things; certs and whatever a test starts stop before them."""
    world = World(tmp_path_factory.mktemp("certs"), databases, nats_server.url, redis_url)
    async with TestServer(users_stand_in.application()) as users:
        world.users_url = str(users.make_url("")).rstrip("/")
        settings = await world.settings(ThingsSettings, "things")
        async with TestClient(TestServer(create_things(settings))) as things:
            world.things = ThingsApi(things)
            yield world
    await world.give_back()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def certs_settings(world: World) -> CertsSettings:
    """Settings of the service under test; a second instance takes the same."""
    return await world.settings(
        CertsSettings,
        "certs",
        THINGS_URL=str(world.things.client.make_url("")),
        CERTS_PUBLIC_URL="https://certs.example.com",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def certs_api(world: World, certs_settings: CertsSettings) -> AsyncIterator[CertsApi]:
    """The service as it runs; what runs out is noticed soon."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.certs.app._LOOKS_AFTER_SECONDS", 0.3)
        async with TestClient(TestServer(create_app(certs_settings))) as client:
            api = CertsApi(client)
            api.things = world.things
            yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def certs_database(certs_settings: CertsSettings) -> AsyncIterator[Database]:
    """Its database."""
    async with Database.open(certs_settings.database_url, size=2) as database:
        yield database


@pytest_asyncio.fixture(loop_scope="module")
async def aiohttp_client() -> AsyncIterator[AiohttpClient]:
    """The plugin's, in the module's loop."""
    async with AsyncExitStack() as stack:

        async def new(app: web.Application) -> TestClient[web.Request, web.Application]:
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield cast("AiohttpClient", new)
