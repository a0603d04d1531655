"""Signing keys are changed while tokens live on."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from aiohttp import ClientSession
from msgspec.structs import replace
from pytest_aiohttp.plugin import AiohttpClient

from services.users.app import create_app
from services.users.rotation import rotate
from services.users.settings import UsersSettings
from shared.http.serve import RELOAD
from tests.fixtures.services import MakeSettings
from tests.integration.users.conftest import (
    ADMIN,
    ADMIN_SECRET,
    Api,
    account_of,
    bearer,
    log_in,
    users_variables,
)
from tests.processes import ServiceProcess, running
from tests.waiting import eventually


@pytest_asyncio.fixture(loop_scope="module")
async def settings(make_settings: MakeSettings[UsersSettings]) -> UsersSettings:
    """Users whose keys are in the state folder."""
    return await make_settings(UsersSettings, "users", **users_variables())


@pytest_asyncio.fixture(loop_scope="module")
async def api(settings: UsersSettings, aiohttp_client: AiohttpClient) -> Api:
    """Users with these settings."""
    return await aiohttp_client(create_app(settings))


def turn(
    settings: UsersSettings, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str]:
    """Run the command; exit code and what it said."""
    monkeypatch.setenv("SMQ_STATE_DIR", settings.state_dir)
    monkeypatch.setenv("SMQ_USERS_SIGNING_KEY_FILE", settings.signing_key_file)
    out, errors = io.StringIO(), io.StringIO()
    code = rotate(arguments, out, errors)
    return code, out.getvalue() + errors.getvalue()


async def key_ids(api: Api) -> list[str]:
    """The keys in the set."""
    return [key["kid"] for key in (await (await api.get("/.well-known/jwks.json")).json())["keys"]]


def signer_of(token: str) -> str:
    """The key a token names."""
    return str(jwt.get_unverified_header(token)["kid"])


def reload(api: Api) -> None:
    """What SIGHUP does."""
    assert api.app is not None
    api.app[RELOAD]()


async def test_a_new_key_signs_and_the_tokens_of_the_old_one_stay_good(
    api: Api, settings: UsersSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await account_of(api, ADMIN, ADMIN_SECRET)
    [old] = await key_ids(api)

    code, said = turn(settings, monkeypatch)
    reload(api)

    after = await account_of(api, ADMIN, ADMIN_SECRET)
    new, kept = await key_ids(api)
    refreshed = await api.post("/users/tokens/refresh", headers=bearer(before.refresh_token))
    assert (code, kept) == (0, old)
    assert f"{new} signs" in said
    assert f"{old} is still checked" in said
    assert (signer_of(before.token), signer_of(after.token)) == (old, new)
    assert (await api.get("/users/profile", headers=before.headers)).status == 200
    assert refreshed.status == 201
    assert signer_of((await refreshed.json())["access_token"]) == new


async def test_a_key_that_was_dropped_is_worth_nothing_at_once(
    api: Api, settings: UsersSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await account_of(api, ADMIN, ADMIN_SECRET)
    assert (await api.get("/users/profile", headers=before.headers)).status == 200

    turn(settings, monkeypatch, "--drop-old")
    reload(api)

    assert len(await key_ids(api)) == 1
    assert (await api.get("/users/profile", headers=before.headers)).status == 401
    refresh = await api.post("/users/tokens/refresh", headers=bearer(before.refresh_token))
    assert refresh.status == 401


async def test_keys_that_cannot_be_read_change_nothing(api: Api, settings: UsersSettings) -> None:
    before = await key_ids(api)
    (Path(settings.state_dir) / "signing-key").write_text("nonsense")

    reload(api)

    assert await key_ids(api) == before
    assert (await log_in(api, ADMIN, ADMIN_SECRET)).status == 201


def test_a_file_is_replaced_for_the_same_readers(
    settings: UsersSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "real.pem", tmp_path / "link.pem"
    link.symlink_to(real)
    given = replace(settings, signing_key_file=str(link))
    monkeypatch.setenv("SMQ_PRODUCTION", "true")

    nowhere = turn(settings, monkeypatch, "--drop-old")
    missing = turn(given, monkeypatch)
    made = turn(given, monkeypatch, "--drop-old")
    real.chmod(0o640)
    turned = turn(given, monkeypatch)

    assert (nowhere[0], missing[0], made[0], turned[0]) == (1, 1, 0, 0)
    assert "SMQ_USERS_SIGNING_KEY_FILE" in missing[1]
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_text().count("BEGIN PRIVATE KEY") == 2
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_sighup_reads_the_keys_again(
    settings: UsersSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = users_variables() | {
        "USERS_DATABASE_URL": settings.database_url,
        "NATS_URL": settings.nats_url,
        "REDIS_URL": settings.redis_url,
        "STATE_DIR": settings.state_dir,
    }
    process = ServiceProcess("users", variables, tmp_path / "users.log")
    async with running(process), ClientSession() as session:

        async def shown() -> list[str]:
            async with session.get(f"{process.url}/.well-known/jwks.json") as response:
                return [key["kid"] for key in (await response.json())["keys"]]

        [old] = await shown()
        turn(settings, monkeypatch)
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGHUP)

        async def has_both() -> bool:
            _, *others = await shown()
            return others == [old]

        await eventually(has_both, within_seconds=30)
