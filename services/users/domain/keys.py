"""API keys, and what can be wrong with them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from services.users.domain.accounts import User
from shared.errors import InvalidInput, NotFound


class ApiKey(Struct, frozen=True, kw_only=True):
    """An opaque token of a user that is good for its scopes alone, until it is revoked."""

    id: UUID
    user_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class HeldKey(Struct, frozen=True, kw_only=True):
    """A key with what its use depends on."""

    key: ApiKey
    secret_hash: bytes
    user: User
    epoch: int


class UnknownScope(InvalidInput):
    """API keys have no such scope."""

    code = "unknown_scope"

    def __init__(self, scope: str) -> None:
        super().__init__("unknown scope", scope=scope)


class MissingScopes(InvalidInput):
    """A key without a scope is good for nothing."""

    code = "missing_scopes"

    def __init__(self) -> None:
        super().__init__("missing scopes")


class ExpiryInThePast(InvalidInput):
    """A key would be dead when it is made."""

    code = "expiry_in_the_past"

    def __init__(self) -> None:
        super().__init__("expires_at is in the past")


class KeyNotFound(NotFound):
    """No such API key, or somebody else's."""

    code = "key_not_found"
