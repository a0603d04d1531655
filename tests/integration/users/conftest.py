"""Users on a fresh database, and people with accounts there."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpClient
from pytest_asyncio import is_async_test

from deploy.embedded.servers import NatsServer
from services.users.app import create_app
from services.users.settings import UsersSettings
from shared.contracts.events import Envelope
from shared.events.broker import STREAM, Broker
from shared.settings import load_settings
from tests.fixtures.servers import Databases
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings, environment_of
from tests.integration.users.mail import MailServer, listening, mail_settings
from tests.waiting import eventually

Api = TestClient[web.Request, web.Application]
NewApi = Callable[..., Awaitable[Api]]
NewAccount = Callable[..., Awaitable["Account"]]
Told = list[tuple[str, dict[str, Any]]]
ToldAbout = Callable[[str, int], Awaitable[Told]]

SECRET = "correct horse"
ADMIN = "admin@example.com"
ADMIN_SECRET = "x"  # shorter than the rule, which the first admin is not asked for


class Account(Struct, frozen=True):
    """Somebody who is logged in."""

    id: str
    identity: str
    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """What he sends along."""
        return bearer(self.token)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def user_body(identity: str, **members: object) -> dict[str, object]:
    """The body of a registration."""
    return {"credentials": {"identity": identity, "secret": SECRET}, **members}


def unique(identity: str) -> str:
    """An address like this one that no other test has."""
    local, _, host = identity.partition("@")
    return f"{local}-{uuid4().hex}@{host}"


async def log_in(api: Api, identity: str, secret: str = SECRET) -> ClientResponse:
    """Ask for tokens."""
    return await api.post("/users/tokens/issue", json={"identity": identity, "secret": secret})


async def account_of(api: Api, identity: str, secret: str = SECRET) -> Account:
    """Log in somebody who has an account."""
    tokens = await (await log_in(api, identity, secret)).json()
    access = tokens["access_token"]
    profile = await (await api.get("/users/profile", headers=bearer(access))).json()
    return Account(profile["id"], identity, access, tokens["refresh_token"])


def users_variables() -> dict[str, str]:
    """What users is told in tests: an admin, quick hashes, and no limits on who registers."""
    hashes = ",".join(
        f"{service}={hashlib.sha256(SERVICE_SECRETS[service].encode()).hexdigest()}"
        for service in SERVICE_SECRETS
    )
    return {
        "USERS_BCRYPT_COST": "4",
        "USERS_ADMIN_EMAIL": ADMIN,
        "USERS_ADMIN_PASSWORD": ADMIN_SECRET,
        "USERS_SERVICE_SECRET_HASHES": hashes,
        "USERS_LOGIN_FAILURES_PER_MINUTE": "0",
        "USERS_REGISTRATIONS_PER_MINUTE": "0",
        "USERS_RESET_REQUESTS_PER_MINUTE": "0",
    }


async def sign_up(
    api: Api, identity: str = "", *, by: Account | None = None, **members: object
) -> Account:
    """Register somebody, under a name nobody has unless one is given, and log him in."""
    identity = identity or unique("somebody@example.com")
    headers = by.headers if by else {}
    made = await api.post("/users", json=user_body(identity, **members), headers=headers)
    assert made.status == 201, await made.text()
    return await account_of(api, identity)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module in one loop, so that they can share a running service."""
    here = Path(__file__).parent
    for item in items:
        if is_async_test(item) and item.path.is_relative_to(here):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def users_api(
    databases: Databases,
    nats_server: NatsServer,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Api]:
    """Users with an admin, for all tests of a module: each makes the accounts it needs."""
    name = await databases.take("users")
    environment = environment_of(
        "users",
        database_url=databases.url(name),
        nats_url=nats_server.url,
        redis_url=redis_url,
        state=tmp_path_factory.mktemp("users") / "state",
        variables=users_variables(),
    )
    settings = load_settings(UsersSettings, service="users", environment=environment)
    async with TestClient(TestServer(create_app(settings))) as api:
        yield api
    await databases.give_back("users", name)


@pytest_asyncio.fixture(loop_scope="module")
async def aiohttp_client() -> AsyncIterator[AiohttpClient]:
    """The plugin's, in the module's loop."""
    async with AsyncExitStack() as stack:

        async def new(app: web.Application) -> Api:
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield cast("AiohttpClient", new)


@pytest.fixture
def new_users_api(
    make_settings: MakeSettings[UsersSettings], aiohttp_client: AiohttpClient
) -> NewApi:
    """Starts users of the test's own with further variables, given without `SMQ_`.

    The client comes second, so that the service stops before its database is dropped.
    """

    async def new(**variables: str) -> Api:
        settings = await make_settings(UsersSettings, "users", **(users_variables() | variables))
        return await aiohttp_client(create_app(settings))

    return new


@pytest.fixture
def new_account(users_api: Api) -> NewAccount:
    """Registers somebody, under a name like the one given, and logs him in."""

    async def new(identity: str, *, by: Account | None = None, **members: object) -> Account:
        return await sign_up(users_api, unique(identity), by=by, **members)

    return new


@pytest_asyncio.fixture(loop_scope="module")
async def alice(users_api: Api) -> Account:
    """A user."""
    return await sign_up(users_api, unique("alice@example.com"), name="Alice")


@pytest_asyncio.fixture(loop_scope="module")
async def bob(users_api: Api) -> Account:
    """Another user."""
    return await sign_up(users_api, unique("bob@example.com"), name="Bob")


@pytest_asyncio.fixture(loop_scope="module")
async def admin(users_api: Api) -> Account:
    """The first admin."""
    return await account_of(users_api, ADMIN, ADMIN_SECRET)


@pytest.fixture
def told_about(nats_server: NatsServer) -> ToldAbout:
    """Gets the first events in which an id stands, and makes sure that there are no more."""

    async def told_about(entity_id: str, count: int) -> Told:
        async with Broker.open(nats_server.url, "tests") as broker:
            jetstream = await broker.jetstream()

            async def look() -> Told | None:
                state = (await jetstream.stream_info(STREAM)).state
                told: Told = []
                for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
                    data = (await jetstream.get_msg(STREAM, sequence)).data or b""
                    if entity_id.encode() not in data:
                        continue
                    envelope = msgspec.json.decode(data, type=Envelope)
                    event = msgspec.json.decode(envelope.data)
                    event.pop("epoch", None)  # a moment, tested where it is used
                    told.append((envelope.subject.removeprefix("events.users."), event))
                return told if len(told) >= count else None

            return await eventually(look, within_seconds=30, what=f"{count} events")

    return told_about


@pytest_asyncio.fixture(loop_scope="module")
async def mail_server() -> AsyncIterator[MailServer]:
    """Somewhere to send mails to."""
    async with listening(MailServer()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def mailing_api(new_users_api: NewApi, mail_server: MailServer) -> Api:
    """Users with a mail server."""
    return await new_users_api(**mail_settings(mail_server.port))


@pytest_asyncio.fixture(loop_scope="module")
async def carol(mailing_api: Api) -> Account:
    """Somebody who will forget her password."""
    return await sign_up(mailing_api, "Carol@example.com", name="Carol <b>")
