"""Users: accounts, tokens, and the exchange by which a service acts for a user."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, MetadataInput, Name, StatusFilter, Visibility
from shared.http.paging import Page

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693
KEY_PREFIX = "smq_"
USER_ID = "urn:supermq:params:oauth:token-type:user_id"
LARGEST_EXCHANGE = 32  # scopes in one token, which travels in a header

ActionWord = Literal[
    "g_add",
    "g_delete",
    "g_update",
    "g_list",
    "c_delete",
    "c_update",
    "c_list",
    "m_write",
    "m_read",
    "c_share",
]


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


class ResetRequestBody(Struct, frozen=True, kw_only=True):
    """Who has forgotten his password."""

    email: str = ""


class ResetRequestedBody(Struct, frozen=True, kw_only=True):
    """The answer to that, whether or not the address has an account."""

    msg: str = "Email with reset link is sent"


class ResetPasswordBody(Struct, frozen=True, kw_only=True):
    """The token of the mail, and the password to come, twice."""

    token: str = ""
    password: str = ""
    confirm_password: str = ""


class NothingBody(Struct, frozen=True):
    """An object without members."""


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


class UserIdentityBody(Struct, frozen=True, kw_only=True):
    """The login name to come."""

    identity: str = ""


class UserOwnerBody(Struct, frozen=True, kw_only=True):
    """The owner to come."""

    owner: str = ""


class UserRoleBody(Struct, frozen=True, kw_only=True):
    """The role to come."""

    role: Literal["user", "admin"]


class AuthorizeBody(Struct, frozen=True, kw_only=True):
    """A question: may the subject, a user, do this with the object, a user or a group?"""

    subject: UUID
    object: UUID
    action: ActionWord
    entity_type: Literal["client", "user", "group"]


class AuthorizedBody(Struct, frozen=True, kw_only=True):
    """Its answer."""

    authorized: bool


class KnownUserBody(Struct, frozen=True, kw_only=True):
    """An account, as far as other services need to know it."""

    id: UUID
    status: Literal["enabled", "disabled"]
    role: Literal["user", "admin"]


class CreateKeyBody(Struct, frozen=True, kw_only=True):
    """A new API key."""

    name: Name = ""
    scopes: list[str] = []
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class KeyBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key; the token itself stands in the answer to its creation alone."""

    id: UUID
    name: str = ""
    scopes: list[str]
    created_at: Timestamp
    expires_at: Timestamp | None = None
    last_used_at: Timestamp | None = None
    key: str = ""


class KeysPage(Struct, frozen=True, kw_only=True):
    """A part of a list of API keys."""

    limit: int
    offset: int
    total: int
    keys: list[KeyBody]


class IntrospectBody(Struct, frozen=True, kw_only=True):
    """An API key somebody presented."""

    key: str


class KeyVerdictBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an API key is worth; nothing more is said of one that is not good.

    Attributes:
        epoch: The user's; a later one means that the verdict must be asked for again.
        expires_at: In seconds since 1970, None if it does not expire.
    """

    active: bool
    key_id: UUID | None = None
    user_id: UUID | None = None
    identity: str = ""
    role: Literal["user", "admin"] = "user"
    scopes: list[str] = []
    epoch: int = 0
    expires_at: int | None = None


class RevocationsQuery(Struct, frozen=True, kw_only=True):
    """Where to go on."""

    since: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class RevocationBody(Struct, frozen=True, kw_only=True):
    """Something that no longer counts.

    Attributes:
        epoch: Of a user: his tokens of earlier epochs are dead.
        expires_at: When it may be forgotten, in seconds since 1970.
    """

    kind: Literal["user", "login", "key"]
    id: UUID
    epoch: int
    expires_at: int


class RevocationsBody(Struct, frozen=True, kw_only=True):
    """What no longer counts since the last look; some may be told twice."""

    next: int
    revocations: list[RevocationBody]
