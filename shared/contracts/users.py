"""Users: accounts, tokens, and the exchange by which a service acts for a user."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, MetadataInput, Name, StatusFilter, Visibility
from shared.contracts.events import Event
from shared.http.paging import Page

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693
USER_ID = "urn:supermq:params:oauth:token-type:user_id"


class UserCredentialsBody(Struct, frozen=True):
    """Login name (an e-mail address) and password."""

    identity: str = ""
    secret: str = ""


class CreateUserBody(Struct, frozen=True, kw_only=True):
    """A new account; `email` and `password` are the first clients' words for the credentials."""

    name: Name = ""
    tags: list[str] | None = None
    credentials: UserCredentialsBody = UserCredentialsBody()
    metadata: MetadataInput = None
    status: Literal["", "enabled", "disabled"] = ""
    role: Literal["", "user", "admin"] = ""
    owner: str = ""
    email: str = ""
    password: str = ""


class UpdateUserBody(Struct, frozen=True, kw_only=True):
    """What to change: a name unless empty, metadata as a whole if given."""

    name: Name = ""
    metadata: MetadataInput = None


class UserTagsBody(Struct, frozen=True, kw_only=True):
    """All tags an account shall have; none given clears them."""

    tags: list[str] | None = None


class ChangeSecretBody(Struct, frozen=True, kw_only=True):
    """The password there is and the one to come."""

    old_secret: str = ""
    new_secret: str = ""


class IdentityBody(Struct, frozen=True):
    """Login name as answers show it; the secret never is."""

    identity: str


class UserBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account."""

    id: UUID
    name: str = ""
    tags: list[str] = []
    owner: UUID | None = None
    credentials: IdentityBody
    metadata: JsonObject = {}
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None
    status: str


class UsersQuery(Page, frozen=True, kw_only=True):
    """Which accounts are wanted."""

    name: str = ""
    identity: str = ""
    tag: str = ""
    metadata: str = ""
    status: StatusFilter = ""
    owner_id: str = ""
    visibility: Visibility = ""


class UsersPage(Struct, frozen=True, kw_only=True):
    """A part of a list of accounts."""

    limit: int
    offset: int
    total: int
    users: list[UserBody]


class LoginBody(Struct, frozen=True, kw_only=True):
    """Login; `email` and `password` are the first clients' words."""

    identity: str = ""
    secret: str = ""
    email: str = ""
    password: str = ""


class TokensBody(Struct, frozen=True, kw_only=True):
    """A token for calls and one to get the next."""

    access_token: str
    refresh_token: str
    access_type: str = "Bearer"


class LegacyTokensBody(Struct, frozen=True, kw_only=True):
    """The same with the first clients' word for the access token."""

    token: str
    access_token: str
    refresh_token: str
    access_type: str = "Bearer"


class KeySetBody(Struct, frozen=True):
    """Public keys as RFC 7517 shows them."""

    keys: list[dict[str, Any]]


class ExchangedTokenBody(Struct, frozen=True, kw_only=True):
    """A short token that names the user and the service acting for him (RFC 8693)."""

    access_token: str
    issued_token_type: str = ACCESS_TOKEN
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750
    expires_in: int
    scope: str


class UserCreated(Event, frozen=True, kw_only=True):
    """An account was made."""

    subject = "events.users.user.created"

    user_id: UUID
    owner_id: UUID | None = None


class UserUpdated(Event, frozen=True, kw_only=True):
    """Members of an account changed."""

    subject = "events.users.user.updated"

    user_id: UUID
    members: list[str]


class UserEnabled(Event, frozen=True, kw_only=True):
    """An account takes part again."""

    subject = "events.users.user.enabled"

    user_id: UUID


class UserDisabled(Event, frozen=True, kw_only=True):
    """An account no longer takes part: its tokens are worth nothing from now on."""

    subject = "events.users.user.disabled"

    user_id: UUID


class UserSecretChanged(Event, frozen=True, kw_only=True):
    """An account has another password; its logins of before have ended."""

    subject = "events.users.user.secret_changed"

    user_id: UUID
