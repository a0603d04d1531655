"""For whom a mapping is made when the request does not say.

The order is the documents': the request's token, else the configured API key, else a login with
the configured user and password, renewed before it expires.
"""

from __future__ import annotations

import asyncio
import time

import jwt
import structlog

from services.provision.domain import NoCredentials
from services.provision.ports import Tokens, Users
from shared.errors import Unauthenticated
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

_RENEW_BEFORE_SECONDS = 60.0


class Credentials:
    """The configured credentials.

    Args:
        api_key: A token, empty if none is configured.
        user: Login name, empty if none is configured.
    """

    def __init__(
        self, users: Users, tokens: Tokens, *, api_key: str, user: str, password: str
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._api_key = api_key
        self._user = user
        self._password = password
        self._token_in_use = ""
        self._renew_at = 0.0
        self._logging_in: asyncio.Task[str] | None = None
        self._warn_of_expiry()

    async def caller(self) -> Caller:
        """The user that the configuration names.

        Raises:
            NoCredentials: It names none.
            Unauthenticated: Its API key or its password is not accepted.
        """
        if self._api_key:
            return await self._tokens.verify(self._api_key)
        if not (self._user and self._password):
            raise NoCredentials
        token = await self._token()
        try:
            return await self._tokens.verify(token)
        except Unauthenticated:
            self._renew_at = 0.0  # it was ended before its time: log in once more
            return await self._tokens.verify(await self._token())

    async def _token(self) -> str:
        """The login's token; all who need a new one share one login."""
        if time.time() < self._renew_at:
            return self._token_in_use
        if self._logging_in is None or self._logging_in.done():
            self._logging_in = asyncio.create_task(self._log_in(), name="configured-login")
        return await asyncio.shield(self._logging_in)

    async def _log_in(self) -> str:
        tokens = await self._users.login(self._user, self._password)
        self._token_in_use = tokens.access_token
        self._renew_at = _expiry(self._token_in_use) - _RENEW_BEFORE_SECONDS
        return self._token_in_use

    def _warn_of_expiry(self) -> None:
        if self._api_key and (expires := _expiry(self._api_key)):
            logger.warning(
                "configured_token_expires",
                seconds=round(expires - time.time()),
                advice="SMQ_PROVISION_USER and SMQ_PROVISION_PASSWORD renew themselves",
            )


def _expiry(token: str) -> float:
    """When a token ends, in seconds since 1970; 0 if it does not say."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims.get("exp", 0))
    except (jwt.PyJWTError, ValueError, TypeError):
        return 0.0
