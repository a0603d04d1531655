"""Acting for somebody: a service's secret and a user become a short token that names both.

Source: RFC 8693, token exchange.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from services.users.domain.accounts import User, UserNotFound
from services.users.domain.logins import GrantRefused, ServiceToken, UnknownService
from services.users.ports import Tokens, UserStore
from services.users.service.claims import ACCESS, SERVICE, claims_of
from shared.contracts.users import (
    ACCESS_TOKEN,
    KEY_PREFIX,
    LARGEST_EXCHANGE,
    TOKEN_EXCHANGE,
    USER_ID,
)
from shared.errors import InvalidInput, Unauthenticated
from shared.http.auth import TokenVerifier, caller_of

_KEY_SCOPE = "provision:write"
LIFETIME = timedelta(minutes=2)  # longer than a mapping may take


class Grant(Struct, frozen=True):
    """How a service may come by a token of one kind of scope.

    Attributes:
        subjects: Types of subject tokens it may show.
        needs_living: Whether the account must take part, and the token not be revoked.
    """

    subjects: frozenset[str]
    needs_living: bool = False


# By service and by the word in front of the id that a scope is limited to. What is taken back or
# read for a device must work whatever became of its owner.
GRANTS: Mapping[tuple[str, str], Grant] = {
    ("provision", "mapping"): Grant(frozenset({ACCESS_TOKEN}), needs_living=True),
    ("provision", "withdraw"): Grant(frozenset({ACCESS_TOKEN, USER_ID})),
    ("bootstrap", "thing-secret"): Grant(frozenset({USER_ID})),
    ("bootstrap", "channel"): Grant(frozenset({USER_ID})),
}
# Those that prove themselves to users, whether or not they act for anybody.
SERVICES = (
    "provision",
    "bootstrap",
    "things",
    "certs",
    "http_adapter",
    "mqtt_auth",
    "console",
)


class ServiceSecrets:
    """Knows services' secrets by their SHA-256, which is enough for what was made at random.

    Args:
        hashes: By service.
    """

    def __init__(self, hashes: Mapping[str, Sequence[bytes]]) -> None:
        self._hashes = hashes

    def require(self, service: str, secret: str) -> None:
        """Raises UnknownService unless the secret is the service's, in the same time always."""
        given = hash_of(secret)
        expected = self._hashes.get(service, ())
        found = [hmac.compare_digest(each, given) for each in (*expected, bytes(len(given)))]
        if not any(found):
            raise UnknownService


def hash_of(secret: str) -> bytes:
    """How a service's secret is kept."""
    return hashlib.sha256(secret.encode()).digest()


class ExchangeRequest(Struct, frozen=True, kw_only=True):
    """What a service asks for, in the words of RFC 8693."""

    grant_type: str
    subject_token: str
    subject_token_type: str
    scope: str


class ExchangeService:
    """Lets services act for users, as far as GRANTS says."""

    def __init__(
        self,
        *,
        users: UserStore,
        tokens: Tokens,
        keys: TokenVerifier,
        secrets: ServiceSecrets,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._keys = keys
        self._secrets = secrets
        self._now = now
        self._new_id = new_id

    async def exchange(self, service: str, secret: str, wanted: ExchangeRequest) -> ServiceToken:
        """A token with which a service may act for a user in one scope.

        Raises:
            UnknownService: The secret is not this service's.
            InvalidInput: Not an exchange at all.
            GrantRefused: The service may not have that scope, or not for such a subject.
            Unauthenticated: The user's token is not good, or his account is disabled.
            UserNotFound: No user of the id that stands in the token's place.
        """
        self._secrets.require(service, secret)
        if wanted.grant_type != TOKEN_EXCHANGE:
            raise InvalidInput("unsupported grant type")
        grant = _grant(service, wanted)
        user = await self._subject(wanted, grant)
        claims = claims_of(
            user, SERVICE, token_id=self._new_id(), now=self._now(), lifetime=LIFETIME
        )
        token = self._tokens.sign(claims | {"act": {"sub": service}, "scope": wanted.scope})
        return ServiceToken(token=token, scope=wanted.scope, lifetime=LIFETIME)

    async def _subject(self, wanted: ExchangeRequest, grant: Grant) -> User:
        if wanted.subject_token_type == USER_ID:
            try:
                user = await self._users.find(UUID(wanted.subject_token))
            except ValueError:
                raise InvalidInput("subject token is not an id") from None
            if user is None:
                raise UserNotFound
            return user
        if wanted.subject_token.startswith(KEY_PREFIX):
            return await self._user_of_key(wanted.subject_token)
        claims = await self._tokens.read(wanted.subject_token)
        if claims.get("type") != ACCESS:
            raise Unauthenticated
        if grant.needs_living:
            caller = caller_of(claims, wanted.subject_token)
            user = await self._users.find_living(
                caller.user_id, epoch=caller.epoch, family_id=caller.login_id
            )
        else:
            user = await self._users.find(UUID(claims["sub"]))
        if user is None:
            raise Unauthenticated
        return user

    async def _user_of_key(self, token: str) -> User:
        """The user whose API key it is, if it is good for mapping gateways."""
        caller = await self._keys.verify(token)
        if not caller.may(_KEY_SCOPE):
            raise GrantRefused
        user = await self._users.find(caller.user_id)
        if user is None:
            raise Unauthenticated
        return user


def _grant(service: str, wanted: ExchangeRequest) -> Grant:
    """The grant that covers a request; its scopes are `<word>:<id>`, all of the same word."""
    scopes = wanted.scope.split(" ")
    word = scopes[0].partition(":")[0]
    grant = GRANTS.get((service, word))
    if grant is None or wanted.subject_token_type not in grant.subjects:
        raise GrantRefused
    if len(scopes) > LARGEST_EXCHANGE or not all(_is_limited(scope, word) for scope in scopes):
        raise GrantRefused
    return grant


def _is_limited(scope: str, word: str) -> bool:
    """Whether a scope is of that word and for one id."""
    prefix, _, limit = scope.partition(":")
    try:
        return prefix == word and str(UUID(limit)) == limit
    except ValueError:
        return False
