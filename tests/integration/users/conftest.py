"""Users on a fresh database, and people with accounts there."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpClient

from services.users.app import create_app
from services.users.settings import UsersSettings
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings

Api = TestClient[web.Request, web.Application]
NewApi = Callable[..., Awaitable[Api]]
NewAccount = Callable[..., Awaitable["Account"]]

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


async def log_in(api: Api, identity: str, secret: str = SECRET) -> ClientResponse:
    """Ask for tokens."""
    return await api.post("/users/tokens/issue", json={"identity": identity, "secret": secret})


async def account_of(api: Api, identity: str, secret: str = SECRET) -> Account:
    """Log in somebody who has an account."""
    tokens = await (await log_in(api, identity, secret)).json()
    access = tokens["access_token"]
    profile = await (await api.get("/users/profile", headers=bearer(access))).json()
    return Account(profile["id"], identity, access, tokens["refresh_token"])


@pytest.fixture
def new_users_api(
    make_settings: MakeSettings[UsersSettings], aiohttp_client: AiohttpClient
) -> NewApi:
    """Starts users with further variables, given without `SMQ_`.

    The client comes second, so that the service stops before its database is dropped.
    """

    async def new(**variables: str) -> Api:
        hashes = ",".join(
            f"{service}={hashlib.sha256(SERVICE_SECRETS[service].encode()).hexdigest()}"
            for service in SERVICE_SECRETS
        )
        defaults = {
            "USERS_BCRYPT_COST": "4",
            "USERS_ADMIN_EMAIL": ADMIN,
            "USERS_ADMIN_PASSWORD": ADMIN_SECRET,
            "USERS_SERVICE_SECRET_HASHES": hashes,
        }
        settings = await make_settings(UsersSettings, "users", **(defaults | variables))
        return await aiohttp_client(create_app(settings))

    return new


@pytest.fixture
async def users_api(new_users_api: NewApi) -> Api:
    """Users with an admin and nobody else."""
    return await new_users_api()


@pytest.fixture
def new_account(users_api: Api) -> NewAccount:
    """Registers somebody and logs him in."""

    async def new(identity: str, *, by: Account | None = None, **members: object) -> Account:
        headers = by.headers if by else {}
        made = await users_api.post("/users", json=user_body(identity, **members), headers=headers)
        assert made.status == 201, await made.text()
        return await account_of(users_api, identity)

    return new


@pytest.fixture
async def alice(new_account: NewAccount) -> Account:
    """A user."""
    return await new_account("alice@example.com", name="Alice")


@pytest.fixture
async def bob(new_account: NewAccount) -> Account:
    """Another user."""
    return await new_account("bob@example.com", name="Bob")


@pytest.fixture
async def admin(users_api: Api) -> Account:
    """The first admin."""
    return await account_of(users_api, ADMIN, ADMIN_SECRET)
