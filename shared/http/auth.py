"""From the `Authorization` header to a caller, without asking anybody.

Users signs tokens with Ed25519 and publishes its public keys (RFC 8037, RFC 7517); every service
checks them itself and remembers the verdict until the token expires.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from uuid import UUID

import jwt
from aiohttp import web
from msgspec import Struct

from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.http.operation import Access, Handler, operation_of

ISSUER = "supermq.users"
_MAX_VERDICTS = 20_000
_MAX_TOKEN_CHARACTERS = 8192
_RETRY_SECONDS = 0.2
_REFRESH_SECONDS = 300.0
_DEVICE_SCHEMES = ("Thing", "Client", "Bearer")


class Caller(Struct, frozen=True, kw_only=True):
    """Who is calling.

    Attributes:
        user_id: The user, also when a service acts for him.
        service: The service acting for him, empty for the user himself.
        scopes: What the token is limited to; empty means no limit for a user.
        token: What he presented, to be handed on to another service.
    """

    user_id: UUID
    identity: str = ""
    is_admin: bool = False
    service: str = ""
    scopes: frozenset[str] = frozenset()
    token: str = ""


class TokenVerifier(Protocol):
    """Turns a token into a caller."""

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated if the token is not good, Unavailable if nobody can tell."""


class KeySource(Protocol):
    """Where the public keys come from."""

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id, None if there is none; raises Unavailable if nobody can tell."""


CALLER = web.RequestKey("caller", Caller)
VERIFIER: web.AppKey[TokenVerifier] = web.AppKey("verifier", TokenVerifier)


class LocalVerifier:
    """Checks access tokens against users' public keys and remembers the verdicts."""

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys
        self._verdicts: dict[str, tuple[float, Caller]] = {}

    async def verify(self, token: str) -> Caller:
        """Tell who presents a token.

        Raises:
            Unauthenticated: Not a living access or service token of users.
            Unavailable: The keys cannot be had.
        """
        known = self._verdicts.get(token)
        if known is not None:
            expires, caller = known
            if time.time() < expires:
                return caller
            del self._verdicts[token]
        claims = await verified_claims(token, self._keys)
        caller = caller_of(claims, token)
        if len(self._verdicts) >= _MAX_VERDICTS:
            self._verdicts.pop(next(iter(self._verdicts)))
        self._verdicts[token] = (float(claims["exp"]), caller)
        return caller


async def verified_claims(token: str, keys: KeySource) -> dict[str, Any]:
    """The claims of a token that users signed and that has not expired.

    Raises:
        Unauthenticated: It is not one.
        Unavailable: The keys cannot be had.
    """
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise Unauthenticated
    try:
        header = jwt.get_unverified_header(token)
        key = await keys.find(str(header.get("kid", "")))
        if key is None:
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=ISSUER,
            options={"require": ["exp", "iat", "sub", "iss", "jti"]},
        )
    except jwt.PyJWTError:
        raise Unauthenticated from None
    return claims


def caller_of(claims: dict[str, Any], token: str) -> Caller:
    """The caller that the claims of an access or service token name.

    Raises:
        Unauthenticated: It is a token of another type, a refresh token for example.
    """
    if claims.get("type") not in ("access", "service"):
        raise Unauthenticated
    try:
        user_id = UUID(claims["sub"])
    except ValueError:
        raise Unauthenticated from None
    return Caller(
        user_id=user_id,
        identity=str(claims.get("identity", "")),
        is_admin=claims.get("role") == "admin",
        service=str(claims.get("act", {}).get("sub", "")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        token=token,
    )


class CachedKeys:
    """Users' public keys, fetched again when a token names an unknown one (at most each second).

    Args:
        fetch: Gets the key set of RFC 7517 from users; raises Unavailable.
    """

    def __init__(self, fetch: KeyFetcher) -> None:
        self._fetch = fetch
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, fetch: KeyFetcher) -> AsyncIterator[CachedKeys]:
        """Keep the keys fresh for as long as the context lasts."""
        keys = cls(fetch)
        task = asyncio.create_task(keys._refresh_for_ever(), name="token-keys")
        try:
            yield keys
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def is_loaded(self) -> bool:
        """Whether any key is known yet."""
        return bool(self._keys)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """See KeySource."""
        if key_id in self._keys:
            return self._keys[key_id]
        async with self._lock:
            if key_id not in self._keys and time.monotonic() - self._fetched_at > 1.0:
                await self.refresh()
        return self._keys.get(key_id)

    async def refresh(self) -> None:
        """Fetch the keys now; raises Unavailable."""
        key_set = jwt.PyJWKSet.from_dict(await self._fetch())
        self._keys = {key.key_id: key for key in key_set.keys if key.key_id}
        self._fetched_at = time.monotonic()

    async def _refresh_for_ever(self) -> None:
        while True:
            try:
                await self.refresh()
            except Unavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await asyncio.sleep(_REFRESH_SECONDS)


class KeyFetcher(Protocol):
    """Gets a key set."""

    async def __call__(self) -> dict[str, Any]: ...


@web.middleware
async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in whom the route lets in; the caller stands in `request[CALLER]`."""
    access = operation_of(request).access
    if access in (Access.USER, Access.SERVICE) or (
        access is Access.OPTIONAL_USER and "Authorization" in request.headers
    ):
        caller = await request.app[VERIFIER].verify(user_token(request))
        if bool(caller.service) is not (access is Access.SERVICE):
            raise Forbidden
        request[CALLER] = caller
    return await handler(request)


def user_token(request: web.Request) -> str:
    """The token of a user: `Bearer <token>`, or the bare token as the first clients sent it.

    Raises:
        Unauthenticated: There is none, or the scheme is another one.
    """
    value = request.headers.get("Authorization", "")
    token = value.removeprefix("Bearer ")
    if not token or " " in token:
        raise Unauthenticated("missing or invalid bearer user token")
    return token


def device_key(request: web.Request, schemes: Collection[str] = _DEVICE_SCHEMES) -> str:
    """The key of a device: `Thing <key>`, with `Client` and `Bearer` as other generations' words.

    Args:
        schemes: Which of these words the route takes.

    Raises:
        Unauthenticated: There is none; a bare value is never taken for a key.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme not in schemes or not key:
        raise Unauthenticated("missing or invalid bearer entity key")
    return key


def require_scope(caller: Caller, scope: str) -> None:
    """Refuse a service whose token was made for something else.

    Raises:
        Forbidden: The scope is not in the token.
    """
    if scope not in caller.scopes:
        raise Forbidden
