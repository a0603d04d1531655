"""The users service: logins, keys, and tokens for acting for a user."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from shared.clients.base import Peer
from shared.contracts.users import (
    ACCESS_TOKEN,
    TOKEN_EXCHANGE,
    USER_ID,
    ActionWord,
    AuthorizeBody,
    AuthorizedBody,
    ExchangedTokenBody,
    IntrospectBody,
    KeySetBody,
    KeyVerdictBody,
    KnownUserBody,
    LoginBody,
    RevocationsBody,
    TokensBody,
)
from shared.errors import NotFound


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

    async def introspect(self, key: str) -> KeyVerdictBody:
        """What an API key is worth."""
        return await self._peer.call(
            "POST",
            "/internal/keys/introspect",
            body=IntrospectBody(key=key),
            headers={"Authorization": self._basic},
            answer=KeyVerdictBody,
            repeatable=True,
            timeout_seconds=2.0,
        )

    async def revocations(self, since: int) -> RevocationsBody:
        """What no longer counts since the last look; 0 for everything."""
        return await self._peer.call(
            "GET",
            f"/internal/revocations?since={since}",
            headers={"Authorization": self._basic},
            answer=RevocationsBody,
            timeout_seconds=2.0,
        )

    async def authorize(
        self,
        subject: UUID,
        target: UUID,
        action: ActionWord,
        entity_type: Literal["user", "group"] = "user",
    ) -> bool:
        """Whether a user may do something with a user or a group, by users' own policies."""
        answer = await self._peer.call(
            "POST",
            "/internal/authorize",
            body=AuthorizeBody(
                subject=subject, object=target, action=action, entity_type=entity_type
            ),
            headers={"Authorization": self._basic},
            answer=AuthorizedBody,
            repeatable=True,
        )
        return answer.authorized

    async def find_user(self, user_id: UUID) -> KnownUserBody | None:
        """The account of an id, disabled ones too; None if there is none."""
        try:
            return await self._peer.call(
                "GET",
                f"/internal/users/{user_id}",
                headers={"Authorization": self._basic},
                answer=KnownUserBody,
                repeatable=True,
            )
        except NotFound:
            return None

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
