"""An open platform, and the token to call it with."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import click
import msgspec
from msgspec import Struct

from cli.asking import one_line
from cli.choices import Choices, CliError, variable
from cli.codes import REFUSED
from cli.shown import Items, Part
from cli.store import Login, Profile, keep, locked, read_profiles, write_profiles
from cli.views import View
from shared.clients.platform import Addresses, Platform, open_platform
from shared.contracts.users import TokensBody
from shared.errors import Unauthenticated
from shared.http.paging import Page
from shared.request_id import REQUEST_ID

QueryT = TypeVar("QueryT", bound=Page)
_LOG_IN = "`supermq-cli login`, or give a token with --token or SMQ_TOKEN"
_SPARE_SECONDS = 60
_WEB = ("http://", "https://")


class _Claims(Struct):
    exp: float = 0
    iat: float = 0


class Session:
    """What a command works with."""

    def __init__(self, choices: Choices, name: str, profile: Profile, platform: Platform) -> None:
        self.choices = choices
        self.profile_name = name
        self.platform = platform
        self._profile = profile
        self._refreshing = asyncio.Lock()

    async def token(self) -> str:
        """A token that is good for at least a minute.

        Raises:
            CliError: Nobody is logged in, or the login is for another platform.
        """
        given = self.choices.token or variable("TOKEN")
        if not given:
            return await self.login_token()
        if not one_line(given):
            raise CliError("the token is more than one line")
        return given

    async def login_token(self) -> str:
        """The same of the stored login, whatever else was given."""
        login = self._login()
        if time.time() < login.fresh_until:
            return login.access_token
        async with self._refreshing:
            return await self._refreshed()

    def items(
        self,
        view: View,
        call: Callable[[str, QueryT], Awaitable[Struct]],
        query: QueryT,
        part: Part,
    ) -> Items:
        """A part of a list.

        Args:
            call: Answers a page, for a token and a query.
        """

        async def fetch(offset: int, limit: int) -> Struct:
            page = msgspec.structs.replace(query, offset=offset, limit=limit)
            return await call(await self.token(), page)

        return Items(view, fetch, part)

    def remember(self, tokens: TokensBody, identity: str) -> None:
        """Keep a login under this profile, and the platform it is for."""
        profile = Profile(
            addresses=self.platform.addresses,
            ca_cert=ca_file(self.choices, self._profile),
            login=_login(tokens, identity),
        )
        keep(self.profile_name, profile)

    def _login(self) -> Login:
        profile = self._profile
        if profile.login is None:
            raise CliError(
                f"nobody is logged in under profile {self.profile_name}",
                hint=_LOG_IN,
                code=REFUSED,
            )
        if profile.addresses.of("users") != self.platform.addresses.of("users"):
            raise CliError(
                f"the login of profile {self.profile_name} is for "
                f"{profile.addresses.of('users')}, not for {self.platform.addresses.of('users')}",
                hint="log in there with a profile of its own: `supermq-cli login --profile NAME`",
                code=REFUSED,
            )
        return profile.login

    async def _refreshed(self) -> str:
        # Another process may be at it, too: the lock is waited for without holding up the loop.
        lock = locked()
        await asyncio.to_thread(lock.__enter__)
        try:
            known = read_profiles()
            self._profile = known.profiles.get(self.profile_name, Profile())
            login = self._login()
            if time.time() < login.fresh_until:
                return login.access_token
            try:
                tokens = await self.platform.users.refresh(login.refresh_token)
            except Unauthenticated:
                raise Unauthenticated(f"the login of {login.identity} has ended") from None
            login = _login(tokens, login.identity)
            self._profile = msgspec.structs.replace(self._profile, login=login)
            profiles = {**known.profiles, self.profile_name: self._profile}
            write_profiles(msgspec.structs.replace(known, profiles=profiles))
            return login.access_token
        finally:
            lock.__exit__(None, None, None)


@asynccontextmanager
async def open_session(choices: Choices) -> AsyncIterator[Session]:
    """Connect as chosen: by options, else by the environment, else by the profile."""
    known = read_profiles()
    wanted = choices.profile or variable("PROFILE")
    name = wanted or known.current
    profile = known.profiles.get(name, Profile())
    addresses = addresses_of(choices, profile)
    REQUEST_ID.set(str(uuid4()))
    async with open_platform(
        addresses, trust=_trust(choices, profile), timeout_seconds=choices.timeout
    ) as platform:
        yield Session(choices, name, profile, platform)


def addresses_of(choices: Choices, profile: Profile) -> Addresses:
    """Where the services are.

    Raises:
        CliError: One is not an address.
    """
    if choices.url:
        addresses = Addresses.behind(choices.url)
    elif variable("URL"):
        addresses = Addresses.from_environment()
    else:
        addresses = profile.addresses.with_own(os.environ)
    for service in Addresses.__struct_fields__:
        if not addresses.of(service).startswith(_WEB):
            raise CliError(f"{addresses.of(service)} does not begin with http:// or https://")
    return addresses


def ca_file(choices: Choices, profile: Profile) -> str:
    """The authority to trust besides the system's, with its whole path; empty if none."""
    file = choices.ca_cert or variable("CA_CERT") or profile.ca_cert
    return str(Path(file).absolute()) if file else ""


def _trust(choices: Choices, profile: Profile) -> ssl.SSLContext | bool:
    if choices.insecure:
        click.secho(
            "WARNING: the platform's certificate is not checked. Anybody on the way can read and "
            "change what is sent, passwords and tokens included.",
            fg="red",
            bold=True,
            err=True,
        )
        return False
    file = ca_file(choices, profile)
    if not file:
        return True
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise CliError(f"{file} holds no certificates: {error.strerror or error}") from None


def _login(tokens: TokensBody, identity: str) -> Login:
    claims = _claims(tokens.access_token)
    # Measured from now, so that it does not matter how this machine's clock is set.
    lifetime = max(claims.exp - claims.iat - _SPARE_SECONDS, 0)
    return Login(
        identity=identity,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        fresh_until=time.time() + lifetime,
    )


def _claims(token: str) -> _Claims:
    part = token.split(".")[1]
    return msgspec.json.decode(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=_Claims
    )
