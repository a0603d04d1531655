"""What is revoked is refused by every service within a second, whatever else is down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from deploy.embedded.servers import NatsServer
from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings
from tests.fixtures.services import MakeSettings
from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    NewAccount,
    NewApi,
    account_of,
    bearer,
    user_body,
)
from tests.waiting import eventually

NewBootstrap = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
SECONDS = 20.0  # a second, on a machine that does nothing else


@pytest.fixture
def new_bootstrap(
    make_settings: MakeSettings[BootstrapSettings], aiohttp_client: AiohttpClient
) -> NewBootstrap:
    """Starts another real service, which leans on users."""

    async def new(users: Api, **variables: str) -> Api:
        url = str(users.make_url("")).rstrip("/")
        settings = await make_settings(BootstrapSettings, "bootstrap", USERS_URL=url, **variables)
        return await aiohttp_client(create_app(settings))

    return new


async def is_let_in(bootstrap: Api, token: str) -> bool:
    """Whether bootstrap takes a token."""
    response = await bootstrap.get("/things/configs", headers=bearer(token))
    assert response.status in (200, 401), await response.text()
    return response.status == 200


async def is_refused(bootstrap: Api, token: str) -> bool:
    """Whether bootstrap does not."""
    return not await is_let_in(bootstrap, token)


async def refused_in_time(bootstrap: Api, token: str) -> None:
    """Wait until bootstrap refuses a token."""
    await eventually(lambda: is_refused(bootstrap, token), within_seconds=SECONDS, what="refusal")


async def test_a_disabled_users_token_is_refused_by_other_services(
    users_api: Api, new_bootstrap: NewBootstrap, alice: Account, admin: Account
) -> None:
    bootstrap = await new_bootstrap(users_api)
    assert await is_let_in(bootstrap, alice.token)

    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    await refused_in_time(bootstrap, alice.token)
    assert await is_let_in(bootstrap, admin.token)


async def test_and_also_while_nats_is_down(
    new_users_api: NewApi, new_bootstrap: NewBootstrap, tmp_path: Path
) -> None:
    nats = NatsServer(tmp_path / "nats")
    await nats.start()
    users = await new_users_api(NATS_URL=nats.url)
    await users.post("/users", json=user_body("alice@example.com"))
    alice = await account_of(users, "alice@example.com")
    bootstrap = await new_bootstrap(users, NATS_URL=nats.url)
    assert await is_let_in(bootstrap, alice.token)

    await nats.stop()
    await users.post(f"/users/{alice.id}/disable", headers=alice.headers)

    await refused_in_time(bootstrap, alice.token)


async def test_a_service_that_was_down_meanwhile_knows(
    users_api: Api, new_bootstrap: NewBootstrap, alice: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=alice.headers)

    bootstrap = await new_bootstrap(users_api)

    assert await is_refused(bootstrap, alice.token)


async def test_reenabling_brings_no_token_back(
    users_api: Api, new_bootstrap: NewBootstrap, alice: Account, admin: Account
) -> None:
    bootstrap = await new_bootstrap(users_api)
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)
    await users_api.post(f"/users/{alice.id}/enable", headers=admin.headers)

    again = await account_of(users_api, alice.identity)

    await refused_in_time(bootstrap, alice.token)
    assert (await users_api.get("/users/profile", headers=alice.headers)).status == 401
    assert await is_let_in(bootstrap, again.token)
    assert (await users_api.get("/users/profile", headers=again.headers)).status == 200


async def test_a_new_secret_ends_the_tokens_of_the_old_one(
    users_api: Api, new_bootstrap: NewBootstrap, alice: Account
) -> None:
    bootstrap = await new_bootstrap(users_api)
    body = {"old_secret": SECRET, "new_secret": "battery staple"}

    await users_api.patch("/users/secret", json=body, headers=alice.headers)

    await refused_in_time(bootstrap, alice.token)
    again = await account_of(users_api, alice.identity, "battery staple")
    assert await is_let_in(bootstrap, again.token)


async def test_logging_out_ends_this_login_and_no_other(
    users_api: Api, new_bootstrap: NewBootstrap, alice: Account
) -> None:
    bootstrap = await new_bootstrap(users_api)
    other = await account_of(users_api, alice.identity)
    renewed = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
    tokens = await renewed.json()

    response = await users_api.post("/users/tokens/revoke", headers=bearer(tokens["access_token"]))

    assert response.status == 204
    for token in (alice.token, tokens["access_token"]):
        await refused_in_time(bootstrap, token)
        assert (await users_api.get("/users/profile", headers=bearer(token))).status == 401
    again = await users_api.post("/users/tokens/refresh", headers=bearer(tokens["refresh_token"]))
    assert again.status == 401
    assert await is_let_in(bootstrap, other.token)


async def test_a_stolen_refresh_token_ends_the_access_tokens_too(
    users_api: Api, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.users.service.logins.REPEAT_ALLOWED", timedelta(0))
    refresh, profile = "/users/tokens/refresh", "/users/profile"
    renewed = await (await users_api.post(refresh, headers=bearer(alice.refresh_token))).json()
    headers = bearer(renewed["access_token"])
    assert (await users_api.get(profile, headers=headers)).status == 200

    await users_api.post(refresh, headers=bearer(alice.refresh_token))

    assert (await users_api.get(profile, headers=headers)).status == 401


async def test_only_services_read_the_feed(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/internal/revocations", headers=alice.headers)

    assert response.status == 401


async def test_a_service_is_not_ready_before_it_has_read_the_feed(
    users_api: Api, new_bootstrap: NewBootstrap
) -> None:
    bootstrap = await new_bootstrap(users_api, BOOTSTRAP_SERVICE_SECRET="unknown to users")

    ready = await bootstrap.get("/ready")

    assert ready.status == 503
    assert (await ready.json())["checks"]["revocations"] == "down"


async def test_logging_out_twice_ends_nothing_else(
    users_api: Api, new_account: NewAccount, alice: Account
) -> None:
    carol = await new_account("carol@example.com")
    await users_api.post("/users/tokens/revoke", headers=alice.headers)

    again = await users_api.post("/users/tokens/revoke", headers=alice.headers)

    assert again.status == 401
    assert (await users_api.get("/users/profile", headers=carol.headers)).status == 200
