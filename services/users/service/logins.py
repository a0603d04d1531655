"""Logins: from a password to a pair of tokens, and from one pair to the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.users.domain.accounts import MalformedIdentity, MissingIdentity, MissingSecret, User
from services.users.domain.logins import RefreshRefused, TokenFamily, TokenPair, WrongLogin
from services.users.identity import canonical_identity
from services.users.ports import FamilyStore, Passwords, Tokens, UserStore
from services.users.service.claims import ACCESS, REFRESH, claims_of
from services.users.service.guessing import LoginGuard
from shared.errors import Unauthenticated
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

# A client whose answer got lost asks again at once; whoever comes later with a used token has
# stolen it, or was stolen from.
REPEAT_ALLOWED = timedelta(seconds=10)


class LoginService:
    """Hands out tokens.

    Args:
        access_lifetime: How long an access token is good.
        refresh_lifetime: How long a refresh token waits to be used, once.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        families: FamilyStore,
        passwords: Passwords,
        tokens: Tokens,
        guard: LoginGuard,
        access_lifetime: timedelta,
        refresh_lifetime: timedelta,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._families = families
        self._passwords = passwords
        self._tokens = tokens
        self._guard = guard
        self._access_lifetime = access_lifetime
        self._refresh_lifetime = refresh_lifetime
        self._now = now
        self._new_id = new_id

    async def log_in(self, identity: str, secret: str, address: str) -> TokenPair:
        """Tokens for a name and password.

        Raises:
            InvalidInput: One of them is missing.
            WrongLogin: Not this password, no such account, or a disabled one; all three take
                the same time, one comparison.
            TooManyRequests: Too often wrong, from this address.
        """
        if not identity:
            raise MissingIdentity
        if not secret:
            raise MissingSecret
        canonical = _canonical(identity)
        await self._guard.admit(address, canonical)
        login = await self._users.find_login(canonical)
        is_right = await self._passwords.matches(secret, login.secret_hash if login else None)
        if login is None or not is_right or not login.user.is_enabled:
            await self._guard.note_failure(address, canonical, login.user if login else None)
            raise WrongLogin
        now = self._now()
        family = TokenFamily(
            id=self._new_id(),
            user_id=login.user.id,
            epoch=login.epoch,
            current_id=self._new_id(),
            expires_at=now + self._refresh_lifetime,
        )
        await self._families.insert(family, now=now)
        return self._pair(login.user, family.id, family.current_id, now, login.epoch)

    async def refresh(self, token: str) -> TokenPair:
        """The next pair for a refresh token, which is used up by that.

        Used again, it ends its family, so that a thief and his victim both have to log in;
        within ten seconds it is only refused.

        Raises:
            Unauthenticated: Not a living refresh token, or not of an enabled account.
        """
        claims = await self._tokens.read(token)
        if claims.get("type") != REFRESH:
            raise Unauthenticated
        family_id, used_id = UUID(claims["family"]), UUID(claims["jti"])
        now, next_id = self._now(), self._new_id()
        user = await self._families.rotate(
            family_id, used_id, next_id, now=now, expires_at=now + self._refresh_lifetime
        )
        if user is None:
            is_theft = await self._families.end_if_reused(
                UUID(claims["sub"]),
                family_id,
                used_id,
                since=now - REPEAT_ALLOWED,
                until=now + self._access_lifetime,
            )
            if is_theft:
                logger.warning("refresh_token_reused", user_id=claims["sub"])
            raise RefreshRefused
        return self._pair(user, family_id, next_id, now, int(claims.get("epoch", 0)))

    async def log_out(self, caller: Caller) -> None:
        """End the login the caller's token comes from, with all its tokens.

        Events: `LoginEnded`.
        """
        if caller.login_id is not None:
            until = self._now() + self._access_lifetime
            await self._families.end(caller.user_id, caller.login_id, until=until)

    def _pair(
        self, user: User, family_id: UUID, refresh_id: UUID, now: datetime, epoch: int
    ) -> TokenPair:
        access = claims_of(
            user,
            ACCESS,
            token_id=self._new_id(),
            now=now,
            lifetime=self._access_lifetime,
            epoch=epoch,
        )
        refresh = claims_of(
            user,
            REFRESH,
            token_id=refresh_id,
            now=now,
            lifetime=self._refresh_lifetime,
            epoch=epoch,
        )
        family = {"family": str(family_id)}
        return TokenPair(
            access=self._tokens.sign(access | family), refresh=self._tokens.sign(refresh | family)
        )


def _canonical(identity: str) -> str:
    """The name as it is looked for; what cannot be one is looked for all the same, in vain."""
    try:
        return canonical_identity(identity)
    except MalformedIdentity:
        return identity
