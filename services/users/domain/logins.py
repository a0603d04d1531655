"""Logins, the tokens they answer, and why they are refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from services.users.domain.accounts import User
from shared.errors import Forbidden, Unauthenticated


class Login(Struct, frozen=True, kw_only=True):
    """An account with what its logins depend on.

    Attributes:
        epoch: Raised whenever all logins of before shall end.
    """

    user: User
    secret_hash: str
    epoch: int


class TokenFamily(Struct, frozen=True, kw_only=True):
    """All refresh tokens that follow from one login; the last one alone may be used.

    Attributes:
        epoch: The account's at that login.
    """

    id: UUID
    user_id: UUID
    epoch: int
    current_id: UUID
    expires_at: datetime


class TokenPair(Struct, frozen=True, kw_only=True):
    """A token for calls and one to get the next pair."""

    access: str
    refresh: str


class ServiceToken(Struct, frozen=True, kw_only=True):
    """A token by which a service acts for a user."""

    token: str
    scope: str
    lifetime: timedelta


class WrongLogin(Unauthenticated):
    """Wrong password, unknown or disabled account: which of them is not told."""

    code = "wrong_login"

    def __init__(self) -> None:
        super().__init__("invalid user id or secret")


class RefreshRefused(Unauthenticated):
    """The refresh token was used before, or its login has ended."""

    code = "refresh_refused"

    def __init__(self) -> None:
        super().__init__("refresh token was used or has ended")


class UnknownService(Unauthenticated):
    """No service of that name and secret."""

    code = "unknown_service"


class GrantRefused(Forbidden):
    """The service may not act in this scope, or not for such a subject."""

    code = "grant_refused"

    def __init__(self) -> None:
        super().__init__("scope not granted to this service")
