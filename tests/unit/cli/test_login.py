"""Logins are kept where nobody else can read them, renewed, and sent nowhere else."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from cli.choices import Choices, CliError
from cli.session import addresses_of, open_session
from cli.store import Login, Profile, forget, keep, read_profiles, store_path, use
from shared.clients.platform import Addresses
from shared.errors import Unauthenticated


class Users:
    """Answers refreshes, each token once."""

    def __init__(self) -> None:
        self.good = "refresh-0"
        self.refreshed = 0
        self.url = ""

    async def refresh(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {self.good}":
            return web.json_response({"error": "", "message": "no"}, status=401)
        self.refreshed += 1
        self.good = f"refresh-{self.refreshed}"
        tokens = {"access_token": token(3600), "refresh_token": self.good}
        return web.json_response(tokens, status=201)


def token(lifetime_seconds: int) -> str:
    """One that is good for so long, by a clock that is years behind."""
    claims = json.dumps({"iat": 1000, "exp": 1000 + lifetime_seconds}).encode()
    return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


@pytest.fixture
async def users(aiohttp_server: AiohttpServer) -> Users:
    users = Users()
    app = web.Application()
    app.router.add_post("/users/tokens/refresh", users.refresh)
    server: TestServer = await aiohttp_server(app)
    users.url = str(server.make_url("")).rstrip("/")
    return users


def logged_in(users_url: str, *, fresh_until: float = 0.0, refresh: str = "refresh-0") -> Profile:
    login = Login(
        identity="a@b.c", access_token="kept", refresh_token=refresh, fresh_until=fresh_until
    )
    return Profile(addresses=Addresses(users=users_url), login=login)


async def asked(**choices: Any) -> str:
    async with open_session(Choices(**choices)) as session:
        return await session.token()


async def test_a_fresh_token_is_used_as_it_is(users: Users) -> None:
    keep("default", logged_in(users.url, fresh_until=time.time() + 60))

    assert await asked() == "kept"
    assert users.refreshed == 0


async def test_an_old_token_is_renewed_once_and_kept(users: Users) -> None:
    keep("default", logged_in(users.url))

    first, second = await asked(), await asked()

    assert first == second == token(3600)
    assert users.refreshed == 1
    assert read_profiles().profiles["default"].login is not None
    assert store_path().stat().st_mode & 0o777 == 0o600


async def test_many_calls_at_once_renew_it_once(users: Users) -> None:
    keep("default", logged_in(users.url))

    async with open_session(Choices()) as session, open_session(Choices()) as other:
        tokens = await asyncio.gather(
            *(each.token() for each in (session, other) for _ in range(5))
        )

    assert set(tokens) == {token(3600)}
    assert users.refreshed == 1


async def test_a_login_that_has_ended_is_told(users: Users) -> None:
    keep("default", logged_in(users.url, refresh="used up"))

    with pytest.raises(Unauthenticated, match=r"the login of a@b\.c has ended"):
        await asked()


async def test_a_login_is_not_sent_to_another_platform(users: Users) -> None:
    keep("default", logged_in("https://elsewhere"))

    with pytest.raises(CliError, match="is for https://elsewhere, not for http"):
        await asked(url=users.url)

    assert users.refreshed == 0


async def test_a_given_token_comes_before_the_kept_one(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("default", logged_in(users.url))
    monkeypatch.setenv("SMQ_TOKEN", "of the environment")

    assert await asked() == "of the environment"
    assert await asked(token="of the option") == "of the option"


def test_an_option_comes_before_the_environment_and_that_before_the_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = Profile(addresses=Addresses.behind("https://profile"))
    for service in Addresses.__struct_fields__:
        monkeypatch.delenv(f"SMQ_{service.upper()}_URL", raising=False)

    assert addresses_of(Choices(), Profile()).of("things") == "http://localhost:9000"
    assert addresses_of(Choices(), profile).of("things") == "https://profile"
    monkeypatch.setenv("SMQ_THINGS_URL", "https://things/")
    assert addresses_of(Choices(), profile).of("things") == "https://things"
    assert addresses_of(Choices(), profile).of("users") == "https://profile"
    monkeypatch.setenv("SMQ_URL", "https://variable")
    assert addresses_of(Choices(), profile).of("users") == "https://variable"
    assert addresses_of(Choices(), profile).of("things") == "https://things"
    assert addresses_of(Choices(url="https://option/"), profile).of("things") == "https://option"


def test_profiles_are_used_and_forgotten_by_name() -> None:
    keep("one", logged_in("http://one"))
    keep("two", logged_in("http://two"))

    assert read_profiles().current == "two"
    assert use("one")
    assert read_profiles().current == "one"
    assert forget("one")
    assert read_profiles().current == "two"
    assert not use("one")
    assert not forget("one")


async def test_a_file_that_others_can_read_is_closed_to_them(users: Users) -> None:
    keep("one", logged_in(users.url, fresh_until=time.time() + 60))
    store_path().chmod(0o644)

    await asked()

    assert store_path().stat().st_mode & 0o777 == 0o600


async def test_a_file_of_something_else_is_told_and_not_overwritten(tmp_path: Path) -> None:
    keep("one", Profile())
    write_text(store_path(), "{")

    with pytest.raises(CliError, match="cannot be read"):
        await asked()


def write_text(file: Path, text: str) -> None:
    file.write_text(text)


async def test_an_authority_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="holds no certificates"):
        await asked(ca_cert=__file__)


async def test_not_checking_certificates_is_said_loudly(
    users: Users, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(token="x", insecure=True, quiet=True) == "x"

    assert "certificate is not checked" in capsys.readouterr().err
