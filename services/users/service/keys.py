"""API keys: who gets one, what it is good for, and when it was used last."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.users.domain.accounts import Role
from services.users.domain.keys import (
    ApiKey,
    ExpiryInThePast,
    HeldKey,
    KeyNotFound,
    MissingScopes,
    UnknownScope,
)
from services.users.ports import KeyStore
from services.users.service.exchange import hash_of
from shared.contracts.users import KEY_PREFIX
from shared.errors import Unauthenticated
from shared.http.auth import Caller
from shared.http.paging import Page

# Accounts and groups are only read with a key: who could change them could take everything.
SCOPES = frozenset(
    f"{area}:{right}"
    for area in ("things", "channels", "bootstrap", "provision", "certs", "messages")
    for right in ("read", "write", "*")
) | {"users:read"}
_TOLD_FOR = timedelta(days=1)  # longer than other services remember a verdict


class KeyService:
    """Makes, shows, checks and revokes keys.

    Args:
        new_secret: Makes what nobody can guess.
    """

    def __init__(
        self,
        *,
        keys: KeyStore,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        new_secret: Callable[[], str],
    ) -> None:
        self._keys = keys
        self._now = now
        self._new_id = new_id
        self._new_secret = new_secret
        self._uses: dict[UUID, datetime] = {}

    async def create(
        self, caller: Caller, *, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """Make a key for the caller.

        Returns:
            The key, and the token, which is not kept and never shown again.

        Raises:
            InvalidInput: No scope, an unknown one, or an expiry in the past.

        Events: `KeyCreated`.
        """
        if not scopes:
            raise MissingScopes
        for scope in scopes:
            if scope not in SCOPES:
                raise UnknownScope(scope)
        now = self._now()
        if expires_at is not None and expires_at <= now:
            raise ExpiryInThePast
        key = ApiKey(
            id=self._new_id(),
            user_id=caller.user_id,
            name=name,
            scopes=list(dict.fromkeys(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        secret = self._new_secret()
        await self._keys.insert(key, secret_hash=hash_of(secret))
        return key, f"{KEY_PREFIX}{key.id.hex}_{secret}"

    async def view(self, caller: Caller, key_id: UUID) -> ApiKey:
        """One of the caller's keys; raises KeyNotFound."""
        key = await self._keys.find(key_id, user_id=caller.user_id)
        if key is None:
            raise KeyNotFound
        return key

    async def list_page(self, caller: Caller, page: Page) -> tuple[int, list[ApiKey]]:
        """How many keys the caller has, and a part of them."""
        return await self._keys.list_page(caller.user_id, page)

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        """End one of the caller's keys, everywhere within a second.

        Raises:
            KeyNotFound: It is not his, or was revoked before.

        Events: `KeyRevoked`.
        """
        until = self._now() + _TOLD_FOR
        if not await self._keys.delete(key_id, user_id=caller.user_id, until=until):
            raise KeyNotFound

    async def check(self, token: str) -> HeldKey | None:
        """The key, if it is one, has not expired, and its user's account takes part."""
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        try:
            held = await self._keys.find_held(UUID(key_id)) if prefix == "smq" else None
        except ValueError:
            return None
        if held is None or not hmac.compare_digest(held.secret_hash, hash_of(secret)):
            return None
        now = self._now()
        if not held.user.is_enabled or (held.key.expires_at and held.key.expires_at <= now):
            return None
        self._uses[held.key.id] = now
        return held

    async def verify(self, token: str) -> Caller:
        """Tell who presents a key; raises Unauthenticated."""
        held = await self.check(token)
        if held is None:
            raise Unauthenticated
        return Caller(
            user_id=held.user.id,
            identity=held.user.identity,
            is_admin=held.user.role is Role.ADMIN,
            scopes=frozenset(held.key.scopes),
            is_key=True,
            epoch=held.epoch,
            key_id=held.key.id,
            token=token,
        )

    async def write_uses(self) -> None:
        """Write down when keys were used last."""
        uses, self._uses = self._uses, {}
        if uses:
            await self._keys.note_uses(uses)
