"""From the `Authorization` header to a caller, without asking anybody.

Users signs tokens with Ed25519 and publishes its public keys (RFC 8037, RFC 7517); every service
checks them itself and remembers the verdict until the token expires.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import jwt
from aiohttp import web
from msgspec import Struct

from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.http.operation import Access, Handler, operation_of
from shared.tasks import stop

ISSUER = "supermq.users"
_MAX_VERDICTS = 20_000
_SWEEP_SECONDS = 60.0
_MAX_TOKEN_CHARACTERS = 8192
_RETRY_SECONDS = 0.2
_REFRESH_SECONDS = 300.0
_DEVICE_SCHEMES = ("Thing", "Client", "Bearer")


class Caller(Struct, frozen=True, kw_only=True):
    """Who is calling.

    Attributes:
        user_id: The user, also when a service acts for him.
        service: The service acting for him, empty for the user himself.
        scopes: What the token is limited to: purposes of a service, or areas of an API key.
        is_key: Whether he came with an API key, which is good for its scopes alone.
        epoch: Of the account when the token was signed; raised when all his tokens are revoked.
        login_id: The login the token comes from; revoked when he logs out.
        key_id: The API key he came with.
        token: What he presented, to be handed on to another service.
    """

    user_id: UUID
    identity: str = ""
    is_admin: bool = False
    service: str = ""
    scopes: frozenset[str] = frozenset()
    is_key: bool = False
    epoch: int = 0
    login_id: UUID | None = None
    key_id: UUID | None = None
    token: str = ""

    def may(self, scope: str) -> bool:
        """Whether an API key's limits allow something; `things:*` allows `things:read`."""
        area = scope.partition(":")[0]
        return not self.is_key or bool(scope and self.scopes & {scope, f"{area}:*"})


class TokenVerifier(Protocol):
    """Turns a token into a caller."""

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated if the token is not good, Unavailable if nobody can tell."""


class KeySource(Protocol):
    """Where the public keys come from."""

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of that id, None if there is none; raises Unavailable if nobody can tell."""

    @property
    def dropped(self) -> int:
        """How often keys were taken away: what they signed is worth nothing from then on."""


CALLER = web.RequestKey("caller", Caller)
VERIFIER: web.AppKey[TokenVerifier] = web.AppKey("verifier", TokenVerifier)


class RevocationSource(Protocol):
    """Knows which tokens are dead although their signature is good."""

    def has_ended(self, caller: Caller) -> bool:
        """Whether what the caller presented has been revoked, as far as is known."""

    def epoch_of(self, user_id: UUID) -> int:
        """The epoch from which on a user's tokens count."""

    async def require_fresh(self) -> None:
        """Raises Unavailable if revocations could have been missed."""


class NothingRevoked:
    """For who asks the database at every request: users itself."""

    def has_ended(self, caller: Caller) -> bool:
        """See RevocationSource."""
        return False

    def epoch_of(self, user_id: UUID) -> int:
        """See RevocationSource."""
        return 0

    async def require_fresh(self) -> None:
        """See RevocationSource."""


class LocalVerifier:
    """Checks access tokens against users' public keys and remembers the verdicts.

    Args:
        clock: Seconds since 1970, as tokens count them.
    """

    def __init__(
        self,
        keys: KeySource,
        revocations: RevocationSource | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._revocations = revocations or NothingRevoked()
        self._verdicts: dict[str, tuple[float, Caller]] = {}
        self._swept_at = 0.0
        self._dropped = keys.dropped

    @property
    def remembered(self) -> int:
        """How many verdicts are kept."""
        return len(self._verdicts)

    async def verify(self, token: str) -> Caller:
        """Tell who presents a token.

        Raises:
            Unauthenticated: Not a living access or service token of users.
            Unavailable: The keys cannot be had, or it may have been revoked unnoticed.
        """
        if self._dropped != self._keys.dropped:
            self._verdicts.clear()
            self._dropped = self._keys.dropped
        known = self._verdicts.get(token)
        if known is not None:
            expires, caller = known
            if self._clock() < expires and not self._revocations.has_ended(caller):
                return caller
            del self._verdicts[token]
        claims = await verified_claims(token, self._keys)
        caller = caller_of(claims, token)
        await self._revocations.require_fresh()
        if self._revocations.has_ended(caller):
            raise Unauthenticated
        self._make_room()
        self._verdicts[token] = (float(claims["exp"]), caller)
        return caller

    def _make_room(self) -> None:
        """Forget what has expired, once a minute, and the oldest verdict if there are too many.

        Services' tokens live for two minutes, and each names a mapping or some: kept until there
        are too many, they would be most of a service's memory.
        """
        now = self._clock()
        if now - self._swept_at > _SWEEP_SECONDS:
            self._swept_at = now
            living = {token: known for token, known in self._verdicts.items() if known[0] > now}
            self._verdicts = living
        if len(self._verdicts) >= _MAX_VERDICTS:
            self._verdicts.pop(next(iter(self._verdicts)))


async def verified_claims(token: str, keys: KeySource) -> dict[str, Any]:
    """The claims of a token that users signed and that has not expired.

    Raises:
        Unauthenticated: It is not one.
        Unavailable: The keys cannot be had.
    """
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise Unauthenticated
    try:
        key = await keys.find(_key_id(token.partition(".")[0]))
        if key is None:
            raise Unauthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=ISSUER,
            # Hosts' clocks differ by more than the time a service token needs to get here.
            options={"require": ["exp", "iat", "sub", "iss", "jti"], "verify_iat": False},
        )
    except jwt.PyJWTError:
        raise Unauthenticated from None
    return claims


@lru_cache(maxsize=64)
def _key_id(header: str) -> str:
    """Which key has signed a token with this header; one key's tokens all have the same."""
    return str(jwt.get_unverified_header(f"{header}.e30.").get("kid", ""))


def caller_of(claims: dict[str, Any], token: str) -> Caller:
    """The caller that the claims of an access or service token name.

    Raises:
        Unauthenticated: It is a token of another type, a refresh token for example.
    """
    if claims.get("type") not in ("access", "service"):
        raise Unauthenticated
    try:
        user_id = UUID(claims["sub"])
        epoch = int(claims.get("epoch", 0))
        login_id = UUID(claims["family"]) if "family" in claims else None
    except (ValueError, TypeError, AttributeError):
        raise Unauthenticated from None
    return Caller(
        user_id=user_id,
        identity=str(claims.get("identity", "")),
        is_admin=claims.get("role") == "admin",
        service=str(claims.get("act", {}).get("sub", "")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        epoch=epoch,
        login_id=login_id,
        token=token,
    )


class CachedKeys:
    """Users' public keys, fetched again when a token names an unknown one (at most each second).

    Args:
        fetch: Gets the key set of RFC 7517 from users; raises Unavailable.

    Attributes:
        dropped: See KeySource.
    """

    def __init__(self, fetch: KeyFetcher) -> None:
        self._fetch = fetch
        self.dropped = 0
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
            await stop(task)

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
        keys = {key.key_id: key for key in key_set.keys if key.key_id}
        if self._keys.keys() - keys.keys():
            self.dropped += 1
        self._keys = keys
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
    promise = operation_of(request)
    is_wanted = promise.access in (Access.USER, Access.SERVICE) or (
        promise.access is Access.OPTIONAL_USER and "Authorization" in request.headers
    )
    if is_wanted:
        caller = await request.app[VERIFIER].verify(user_token(request))
        is_for_service = promise.access is Access.SERVICE
        if bool(caller.service) is not is_for_service or not caller.may(promise.scope):
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
    if not token or " " in token or not token.isascii():
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
