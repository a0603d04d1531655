"""The users service: accounts, logins, keys, and tokens for acting for a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
from msgspec import Struct

from shared.clients.base import Peer, with_query
from shared.coalescing import Coalescer
from shared.contracts.users import (
    ACCESS_TOKEN,
    LARGEST_EXCHANGE,
    TOKEN_EXCHANGE,
    USER_ID,
    ActionWord,
    AuthorizeBody,
    AuthorizedBody,
    ChangeSecretBody,
    CreateKeyBody,
    CreateUserBody,
    ExchangedTokenBody,
    IntrospectBody,
    KeyBody,
    KeySetBody,
    KeysPage,
    KeyVerdictBody,
    KnownUserBody,
    LoginBody,
    ResetPasswordBody,
    ResetRequestBody,
    RevocationsBody,
    TokensBody,
    UpdateUserBody,
    UserBody,
    UserIdentityBody,
    UserOwnerBody,
    UserRoleBody,
    UsersPage,
    UsersQuery,
    UserTagsBody,
)
from shared.errors import NotFound
from shared.http.paging import Page


class UsersClient:
    """Calls users.

    Args:
        service: Name of the calling service, with `secret` its proof for the exchange.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        service: str = "",
        secret: str = "",
        timeout_seconds: float = 5.0,
    ) -> None:
        self._peer = Peer(session, "users", base_url, timeout_seconds)
        self._basic = aiohttp.encode_basic_auth(service, secret) if service else ""
        self._exchanges: Coalescer[tuple[str, str, str], str, ExchangedTokenBody] = Coalescer(
            self._exchange_once, largest=LARGEST_EXCHANGE
        )

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

    async def refresh(self, refresh_token: str) -> TokensBody:
        """The next tokens; the refresh token is used up. Raises Unauthenticated."""
        return await self._peer.call(
            "POST", "/users/tokens/refresh", token=refresh_token, answer=TokensBody
        )

    async def log_out(self, token: str) -> None:
        """End the login that a token belongs to, on every service."""
        await self._peer.call("POST", "/users/tokens/revoke", token=token, repeatable=True)

    async def request_reset(self, identity: str, page_url: str) -> None:
        """Have a mail sent to who has forgotten his password, with a link to a page."""
        await self._peer.call(
            "POST",
            "/password/reset-request",
            body=ResetRequestBody(email=identity),
            headers={"Referer": page_url},
        )

    async def reset_secret(self, reset_token: str, secret: str) -> None:
        """Set a password with the token of that mail, once; raises Unauthenticated."""
        body = ResetPasswordBody(token=reset_token, password=secret, confirm_password=secret)
        await self._peer.call("PUT", "/password/reset", body=body)

    async def register(self, account: CreateUserBody, token: str = "") -> UserBody:
        """Open an account, the caller's own with a token; raises Conflict if the name is taken."""
        return await self._peer.call("POST", "/users", token=token, body=account, answer=UserBody)

    async def profile(self, token: str) -> UserBody:
        """The caller's own account."""
        return await self._view(token, "profile")

    async def view_user(self, token: str, user_id: UUID) -> UserBody:
        """An account; raises Forbidden if the caller may not see it."""
        return await self._view(token, str(user_id))

    async def list_users(self, token: str, query: UsersQuery | None = None) -> UsersPage:
        """The caller's accounts; an admin's are all."""
        return await self._peer.call(
            "GET",
            with_query("/users", query or UsersQuery()),
            token=token,
            answer=UsersPage,
            repeatable=True,
        )

    async def update_user(self, token: str, user_id: UUID, changes: UpdateUserBody) -> UserBody:
        """Change name and metadata."""
        return await self._change(token, f"/users/{user_id}", changes)

    async def set_user_tags(self, token: str, user_id: UUID, tags: list[str]) -> UserBody:
        """Replace an account's tags."""
        return await self._change(token, f"/users/{user_id}/tags", UserTagsBody(tags=tags))

    async def set_identity(self, token: str, user_id: UUID, identity: str) -> UserBody:
        """Change a login name; raises Conflict if it is taken."""
        body = UserIdentityBody(identity=identity)
        return await self._change(token, f"/users/{user_id}/identity", body)

    async def set_user_owner(self, token: str, user_id: UUID, owner_id: UUID) -> UserBody:
        """Give an account to another user."""
        body = UserOwnerBody(owner=str(owner_id))
        return await self._change(token, f"/users/{user_id}/owner", body)

    async def set_role(self, token: str, user_id: UUID, role: Literal["user", "admin"]) -> UserBody:
        """Make an admin of a user, or a user of an admin."""
        return await self._change(token, f"/users/{user_id}/role", UserRoleBody(role=role))

    async def change_secret(self, token: str, old_secret: str, new_secret: str) -> UserBody:
        """Change the caller's own password, which ends his logins."""
        body = ChangeSecretBody(old_secret=old_secret, new_secret=new_secret)
        return await self._change(token, "/users/secret", body)

    async def enable_user(self, token: str, user_id: UUID) -> UserBody:
        """Let a disabled account take part again; raises Conflict if it does."""
        return await self._peer.call(
            "POST", f"/users/{user_id}/enable", token=token, answer=UserBody
        )

    async def disable_user(self, token: str, user_id: UUID) -> UserBody:
        """End all an account may do; raises Conflict if it is disabled."""
        return await self._peer.call(
            "POST", f"/users/{user_id}/disable", token=token, answer=UserBody
        )

    async def create_key(self, token: str, key: CreateKeyBody) -> KeyBody:
        """Make an API key; the answer alone shows it."""
        return await self._peer.call("POST", "/users/keys", token=token, body=key, answer=KeyBody)

    async def list_keys(self, token: str, page: Page | None = None) -> KeysPage:
        """The caller's API keys."""
        return await self._peer.call(
            "GET",
            with_query("/users/keys", page or Page()),
            token=token,
            answer=KeysPage,
            repeatable=True,
        )

    async def view_key(self, token: str, key_id: UUID) -> KeyBody:
        """One of the caller's API keys; raises NotFound."""
        return await self._peer.call(
            "GET", f"/users/keys/{key_id}", token=token, answer=KeyBody, repeatable=True
        )

    async def revoke_key(self, token: str, key_id: UUID) -> None:
        """Make an API key worthless; raises NotFound."""
        await self._peer.call("DELETE", f"/users/keys/{key_id}", token=token)

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        """A short token to act for the user whose token this is, limited to a scope.

        Those who ask at the same time with the same token for one scope each, of the same kind,
        get one that is good for the scopes of all of them.

        Args:
            scope: One, or several with a space between, at most `LARGEST_EXCHANGE`.

        Raises:
            Unauthenticated: The user's token is not good.
            Forbidden: This service may not act in this scope.
        """
        if " " in scope:
            return await self._exchange(token, ACCESS_TOKEN, scope)
        return await self._exchanges.call((token, ACCESS_TOKEN, scope.partition(":")[0]), scope)

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        """The same without the user's token, for scopes that allow it (cleaning up)."""
        return await self._exchanges.call((str(user_id), USER_ID, scope.partition(":")[0]), scope)

    async def _exchange_once(
        self, subject: tuple[str, str, str], scopes: Sequence[str]
    ) -> list[ExchangedTokenBody]:
        token, token_type, _ = subject
        exchanged = await self._exchange(token, token_type, " ".join(dict.fromkeys(scopes)))
        return [exchanged] * len(scopes)

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

    async def _view(self, token: str, name: str) -> UserBody:
        return await self._peer.call(
            "GET", f"/users/{name}", token=token, answer=UserBody, repeatable=True
        )

    async def _change(self, token: str, path: str, changes: Struct) -> UserBody:
        return await self._peer.call("PATCH", path, token=token, body=changes, answer=UserBody)

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
