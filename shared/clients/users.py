"""The users service: logins, keys, and tokens for acting for a user."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from shared.clients.base import Peer
from shared.contracts.users import (
    ACCESS_TOKEN,
    TOKEN_EXCHANGE,
    USER_ID,
    ExchangedTokenBody,
    KeySetBody,
    LoginBody,
    TokensBody,
)


class UsersClient:
    """Calls users.

    Args:
        service: Name of the calling service, with `secret` its proof for the exchange.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, *, service: str = "", secret: str = ""
    ) -> None:
        self._peer = Peer(session, "users", base_url)
        self._basic = aiohttp.encode_basic_auth(service, secret) if service else ""

    async def key_set(self) -> dict[str, Any]:
        """The public keys that tokens are checked with (RFC 7517)."""
        body = await self._peer.call(
            "GET", "/.well-known/jwks.json", answer=KeySetBody, repeatable=True
        )
        return {"keys": body.keys}

    async def login(self, identity: str, secret: str) -> TokensBody:
        """Tokens for a user's name and password; raises Unauthenticated."""
        return await self._peer.call(
            "POST",
            "/users/tokens/issue",
            body=LoginBody(identity=identity, secret=secret),
            answer=TokensBody,
            repeatable=True,
        )

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        """A short token to act for the user whose token this is, limited to a scope.

        Raises:
            Unauthenticated: The user's token is not good.
            Forbidden: This service may not act in this scope.
        """
        return await self._exchange(token, ACCESS_TOKEN, scope)

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        """The same without the user's token, for scopes that allow it (cleaning up)."""
        return await self._exchange(str(user_id), USER_ID, scope)

    async def _exchange(self, subject: str, subject_type: str, scope: str) -> ExchangedTokenBody:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject,
            "subject_token_type": subject_type,
            "scope": scope,
        }
        return await self._peer.call(
            "POST",
            "/internal/tokens/exchange",
            body=urlencode(form).encode(),
            headers={
                "Authorization": self._basic,
                "Content-Type": "application/x-www-form-urlencoded",
            },
            answer=ExchangedTokenBody,
            repeatable=True,
        )
