"""What users makes and checks when it starts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace
from pytest_aiohttp.plugin import AiohttpClient

from services.users.app import create_app
from services.users.settings import UsersSettings
from shared.settings import SettingsError
from tests.fixtures.services import MakeSettings
from tests.integration.users.conftest import (
    ADMIN,
    ADMIN_SECRET,
    Account,
    Api,
    NewApi,
    account_of,
    log_in,
)


@pytest_asyncio.fixture(loop_scope="module")
async def settings(make_settings: MakeSettings[UsersSettings]) -> UsersSettings:
    """Settings with a first admin."""
    return await make_settings(
        UsersSettings,
        "users",
        USERS_BCRYPT_COST="4",
        USERS_ADMIN_EMAIL=ADMIN,
        USERS_ADMIN_PASSWORD=ADMIN_SECRET,
    )


async def start_and_stop(settings: UsersSettings) -> None:
    """As a process does it."""
    runner = web.AppRunner(create_app(settings))
    try:
        await runner.setup()
    finally:
        await runner.cleanup()


async def test_the_first_admin_is_made(users_api: Api, admin: Account) -> None:
    response = await users_api.get("/users/profile", headers=admin.headers)

    body = await response.json()
    assert body["name"] == "admin"
    assert body["credentials"] == {"identity": ADMIN}
    assert body["metadata"] == {"role": "admin"}
    assert jwt.decode(admin.token, options={"verify_signature": False})["role"] == "admin"


async def test_workers_that_start_together_make_one_admin(
    settings: UsersSettings, aiohttp_client: AiohttpClient
) -> None:
    apis = await asyncio.gather(*(aiohttp_client(create_app(settings)) for _ in range(4)))

    admin = await account_of(apis[0], ADMIN, ADMIN_SECRET)
    everybody = await (await apis[1].get("/users", headers=admin.headers)).json()
    assert everybody["total"] == 1


async def test_starting_again_changes_nothing(
    settings: UsersSettings, aiohttp_client: AiohttpClient
) -> None:
    before = await aiohttp_client(create_app(settings))
    admin = await account_of(before, ADMIN, ADMIN_SECRET)
    await before.close()

    after = await aiohttp_client(create_app(replace(settings, admin_password="another")))

    assert (await after.get("/users/profile", headers=admin.headers)).status == 200
    assert (await log_in(after, ADMIN, ADMIN_SECRET)).status == 201
    assert (await log_in(after, ADMIN, "another")).status == 401


async def test_without_an_address_there_is_no_admin(new_users_api: NewApi) -> None:
    api = await new_users_api(USERS_ADMIN_EMAIL="")

    assert (await log_in(api, ADMIN, ADMIN_SECRET)).status == 401


async def test_users_is_ready_when_its_database_is(users_api: Api) -> None:
    response = await users_api.get("/ready")

    assert response.status == 200
    assert (await response.json())["checks"]["postgres"] == "up"


async def test_the_signing_key_may_be_given(
    settings: UsersSettings, aiohttp_client: AiohttpClient, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    api = await aiohttp_client(create_app(replace(settings, signing_key_file=str(file))))

    admin = await account_of(api, ADMIN, ADMIN_SECRET)

    claims = jwt.decode(admin.token, key.public_key(), algorithms=["EdDSA"])
    assert claims["sub"] == admin.id


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"admin_password": ""}, "SMQ_USERS_ADMIN_PASSWORD"),
        ({"admin_password": "a" * 73}, "SMQ_USERS_ADMIN_PASSWORD"),
        ({"admin_email": "admin"}, "SMQ_USERS_ADMIN_EMAIL"),
        ({"service_secret_hashes": "provision"}, "SMQ_USERS_SERVICE_SECRET_HASHES"),
        ({"service_secret_hashes": "provision=00"}, "SMQ_USERS_SERVICE_SECRET_HASHES"),
        ({"service_secret_hashes": "nobody=" + "0" * 64}, "SMQ_USERS_SERVICE_SECRET_HASHES"),
        ({"signing_key_file": "/nowhere/key.pem"}, "SMQ_USERS_SIGNING_KEY_FILE"),
        ({"pass_regex": "("}, "SMQ_USERS_PASS_REGEX"),
        ({"reset_base_url": "ftp://ui.example.com"}, "SMQ_USERS_RESET_BASE_URL"),
        ({"reset_path": "reset-request"}, "SMQ_USERS_RESET_PATH"),
        ({"production": True, "email_host": "localhost"}, "SMQ_USERS_RESET_BASE_URL"),
        ({"email_host": "localhost", "email_from_address": "me"}, "SMQ_USERS_EMAIL_FROM_ADDRESS"),
    ],
)
async def test_a_setting_that_makes_no_sense_stops_the_start(
    settings: UsersSettings, changes: dict[str, Any], variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        await start_and_stop(replace(settings, **changes))


@pytest.mark.parametrize("kind", ["none", "other"])
async def test_a_file_without_a_signing_key_stops_the_start(
    settings: UsersSettings, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "key.pem"
    other = generate_private_key(SECP256R1())
    file.write_bytes(
        b""
        if kind == "none"
        else other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )

    with pytest.raises(SettingsError, match="SMQ_USERS_SIGNING_KEY_FILE"):
        await start_and_stop(replace(settings, signing_key_file=str(file)))
