"""`POST /internal/tokens/exchange`, as far as the client's own test does not show it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest
from aiohttp import ClientResponse, encode_basic_auth
from pytest_aiohttp.plugin import AiohttpClient

from services.users.app import create_app
from services.users.settings import UsersSettings
from shared.contracts.users import ACCESS_TOKEN, TOKEN_EXCHANGE, USER_ID
from shared.foundation import service_secret
from shared.settings import ServiceSettings, load_settings
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings
from tests.integration.users.conftest import SECRET, Account, Api

PATH = "/internal/tokens/exchange"
ID = "00000000-0000-4000-8000-000000000000"


def form_of(subject: str, scope: str, kind: str = ACCESS_TOKEN) -> dict[str, str]:
    """What a service sends."""
    return {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": subject,
        "subject_token_type": kind,
        "scope": scope,
    }


async def exchange(
    api: Api, form: Mapping[str, str], *, service: str = "provision", secret: str | None = None
) -> ClientResponse:
    """Ask for a token to act for somebody."""
    login = encode_basic_auth(service, SERVICE_SECRETS[service] if secret is None else secret)
    return await api.post(PATH, data=form, headers={"Authorization": login})


async def test_a_disabled_users_token_maps_nothing_but_takes_back(
    users_api: Api, alice: Account, admin: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    mapping = await exchange(users_api, form_of(alice.token, f"mapping:{uuid4()}"))
    by_token = await exchange(users_api, form_of(alice.token, f"withdraw:{uuid4()}"))
    by_id = await exchange(users_api, form_of(alice.id, f"withdraw:{uuid4()}", USER_ID))

    assert (mapping.status, by_token.status, by_id.status) == (401, 200, 200)


async def test_bootstrap_reads_secrets_of_a_disabled_owner(
    users_api: Api, alice: Account, admin: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    response = await exchange(
        users_api, form_of(alice.id, f"thing-secret:{uuid4()}", USER_ID), service="bootstrap"
    )

    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "scope",
    [
        "mapping",
        "mapping:",
        "mapping:x",
        "mapping:*",
        f"mapping:{ID.replace('-', '')}",
        f"mapping:{ID} withdraw:{ID}",
        f" mapping:{ID}",
    ],
)
async def test_a_scope_is_one_word_with_one_id(users_api: Api, alice: Account, scope: str) -> None:
    response = await exchange(users_api, form_of(alice.token, scope))

    assert response.status == 403


async def test_a_refresh_token_is_no_subject(users_api: Api, alice: Account) -> None:
    response = await exchange(users_api, form_of(alice.refresh_token, f"mapping:{uuid4()}"))

    assert response.status == 401


async def test_a_user_who_is_none_is_not_found(users_api: Api) -> None:
    unknown = await exchange(users_api, form_of(str(uuid4()), f"withdraw:{uuid4()}", USER_ID))
    malformed = await exchange(users_api, form_of("x", f"withdraw:{uuid4()}", USER_ID))

    assert (unknown.status, malformed.status) == (404, 400)


@pytest.mark.parametrize(
    "change",
    [{"grant_type": "password"}, {"grant_type": ""}, {"scope": ""}, {"subject_token": "\0"}],
)
async def test_other_grants_are_malformed(
    users_api: Api, alice: Account, change: dict[str, str]
) -> None:
    response = await exchange(users_api, form_of(alice.token, f"mapping:{uuid4()}") | change)

    assert response.status == 400


@pytest.mark.parametrize("body", [b"", b"{}", b"scope=%FF", b"\xff", b"scope=a&scope=b"])
async def test_a_form_that_is_none_is_malformed(users_api: Api, body: bytes) -> None:
    login = encode_basic_auth("provision", SERVICE_SECRETS["provision"])

    response = await users_api.post(
        PATH,
        data=body,
        headers={
            "Authorization": login,
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )

    assert response.status == 400


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Basic", "Basic !!!", "Basic YTpi", "Basic cHJvdmlzaW9u"]
)
async def test_who_is_no_service_is_refused(users_api: Api, alice: Account, header: str) -> None:
    form = form_of(alice.token, f"mapping:{uuid4()}")

    response = await users_api.post(PATH, data=form, headers={"Authorization": header})

    assert response.status == 401


async def test_the_exchange_is_not_in_the_public_description(users_api: Api) -> None:
    description = await (await users_api.get("/openapi.json")).json()

    assert PATH not in description["paths"]
    assert "/users" in description["paths"]


async def test_services_on_one_machine_find_each_others_secrets(
    make_settings: MakeSettings[UsersSettings], aiohttp_client: AiohttpClient
) -> None:
    body = {"email": "alice@example.com", "password": SECRET}
    settings = await make_settings(UsersSettings, "users", USERS_BCRYPT_COST="4")
    users = await aiohttp_client(create_app(settings))
    provision = load_settings(
        ServiceSettings,
        service="provision",
        environment={"SMQ_STATE_DIR": settings.state_dir, "SMQ_PROVISION_HTTP_PORT": "9016"},
    )
    await users.post("/users", json=body)
    tokens = await (await users.post("/tokens", json=body)).json()

    response = await exchange(
        users,
        form_of(tokens["token"], f"mapping:{uuid4()}"),
        secret=service_secret("provision", provision),
    )

    assert response.status == 200
