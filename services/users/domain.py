"""Accounts, tokens, and what can be wrong with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject, Status
from shared.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated


class Role(StrEnum):
    """What an account may do with the accounts and things of others."""

    USER = "user"
    ADMIN = "admin"


class Action(StrEnum):
    """What a policy can allow: on a group, on accounts, on messages."""

    GROUP_ADD = "g_add"
    GROUP_DELETE = "g_delete"
    GROUP_UPDATE = "g_update"
    GROUP_LIST = "g_list"
    USER_DELETE = "c_delete"
    USER_UPDATE = "c_update"
    USER_LIST = "c_list"
    WRITE = "m_write"
    READ = "m_read"
    USER_SHARE = "c_share"


MAX_LEVEL = 5


class User(Struct, frozen=True, kw_only=True):
    """An account.

    Attributes:
        identity: E-mail address as it was typed.
        owner_id: Who made the account, None if its holder did.
    """

    id: UUID
    name: str
    identity: str
    owner_id: UUID | None
    tags: list[str]
    metadata: JsonObject
    role: Role
    status: Status
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether the account takes part."""
        return self.status is Status.ENABLED


class NewUser(Struct, frozen=True, kw_only=True):
    """What somebody asks an account to be."""

    identity: str
    secret: str
    name: str = ""
    tags: list[str] = []
    metadata: JsonObject = {}
    status: Status = Status.ENABLED
    role: Role = Role.USER
    owner: str = ""


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


class UserFilter(Struct, frozen=True, kw_only=True):
    """Which accounts are wanted; None and empty mean any.

    Attributes:
        identity: In its canonical form.
        metadata: Every member must be in the account's.
        viewer_id: Only what this user owns, if `sees_own`, and what he may list by a policy,
            if `sees_shared`.
        group_id: Only subjects of this group.
        except_id: Not this account.
    """

    owner_id: UUID | None = None
    name: str = ""
    identity: str = ""
    tag: str = ""
    metadata: JsonObject = {}
    status: Status | None = None
    viewer_id: UUID | None = None
    sees_own: bool = True
    sees_shared: bool = False
    group_id: UUID | None = None
    except_id: UUID | None = None


class Group(Struct, frozen=True, kw_only=True):
    """A group of users, perhaps inside another one.

    Attributes:
        level: Distance from the group a list began at; negative for those above it.
        path: Ids from there down to this one, joined by dots.
    """

    id: UUID
    owner_id: UUID
    parent_id: UUID | None
    name: str
    description: str
    metadata: JsonObject
    status: Status
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None = None
    level: int = 0
    path: str = ""

    @property
    def is_enabled(self) -> bool:
        """Whether the group takes part."""
        return self.status is Status.ENABLED


class GroupFilter(Struct, frozen=True, kw_only=True):
    """Which groups are wanted; None and empty mean any.

    Attributes:
        viewer_id: Only what this user owns or may list.
        member_id: Only groups in which this user is a subject.
        root_id: Only this group and its relatives.
        is_upwards: Whether those above are meant, and not those below.
        depth: How far away relatives may be.
    """

    viewer_id: UUID | None = None
    member_id: UUID | None = None
    owner_id: UUID | None = None
    name: str = ""
    metadata: JsonObject = {}
    status: Status | None = None
    root_id: UUID | None = None
    is_upwards: bool = False
    depth: int = MAX_LEVEL


class Policy(Struct, frozen=True, kw_only=True):
    """What a user may do in a group.

    Attributes:
        owner_id: Who made the policy.
    """

    subject: UUID
    object: UUID
    owner_id: UUID
    actions: list[Action]
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None = None


class PolicyFilter(Struct, frozen=True, kw_only=True):
    """Which policies are wanted; None means any."""

    owner_id: UUID | None = None
    subject: UUID | None = None
    object: UUID | None = None
    action: Action | None = None


class PolicyGround(Struct, frozen=True, kw_only=True):
    """What decides whether somebody may write a policy.

    Attributes:
        group_owner_id: None if there is no such group.
        held: What he may do in the group himself, by a policy.
        existing: The policy there is already.
    """

    has_subject: bool
    group_owner_id: UUID | None
    held: frozenset[Action]
    existing: Policy | None


class MalformedIdentity(InvalidInput):
    """The login name is not an e-mail address."""

    code = "malformed_identity"

    def __init__(self) -> None:
        super().__init__("identity is not an e-mail address")


class MissingIdentity(InvalidInput):
    """There is no login name."""

    code = "missing_identity"

    def __init__(self) -> None:
        super().__init__("missing entity identity")


class MissingSecret(InvalidInput):
    """There is no password."""

    code = "missing_secret"

    def __init__(self) -> None:
        super().__init__("missing secret")


class SecretTooLong(InvalidInput):
    """The password is longer than bcrypt reads."""

    code = "secret_too_long"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"secret is longer than {limit_bytes} bytes", limit_bytes=limit_bytes)


class WeakSecret(InvalidInput):
    """The password breaks the operator's rule."""

    code = "weak_secret"

    def __init__(self) -> None:
        super().__init__("password does not meet the requirements")


class UnknownOwner(InvalidInput):
    """The account that shall own another does not exist."""

    code = "unknown_owner"

    def __init__(self) -> None:
        super().__init__("no such owner")


class IdentityTaken(Conflict):
    """Another account has this login name, perhaps in other letters' case."""

    code = "identity_taken"

    def __init__(self) -> None:
        super().__init__("identity is taken")


class SecretChangedMeanwhile(Conflict):
    """Somebody else changed the password at the same moment."""

    code = "secret_changed_meanwhile"
    summary = "concurrent change"


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


class GroupNameTaken(Conflict):
    """The owner has another group of that name."""

    code = "group_name_taken"

    def __init__(self) -> None:
        super().__init__("group name is taken")


class MissingName(InvalidInput):
    """A group has a name."""

    code = "missing_name"

    def __init__(self) -> None:
        super().__init__("missing name")


class GroupCycle(InvalidInput):
    """A group would stand above itself."""

    code = "group_cycle"

    def __init__(self) -> None:
        super().__init__("a group cannot be inside itself")


class GroupNotFound(NotFound):
    """No such group."""

    code = "group_not_found"


class ParentNotFound(NotFound):
    """The group to stand in does not exist."""

    code = "parent_not_found"

    def __init__(self) -> None:
        super().__init__("no such parent group")


class PolicyNotFound(NotFound):
    """No such policy, or one of its ends does not exist."""

    code = "policy_not_found"


class MissingActions(InvalidInput):
    """A policy allows something."""

    code = "missing_actions"

    def __init__(self) -> None:
        super().__init__("missing actions")


class RoleAlreadyAssigned(Conflict):
    """The account has that role."""

    code = "role_already_assigned"
    summary = "role already assigned"


class UserNotFound(NotFound):
    """No such account."""

    code = "user_not_found"


class AdminRoleRefused(Forbidden):
    """Only an admin makes admins."""

    code = "admin_role_refused"

    def __init__(self) -> None:
        super().__init__("only an admin may give the admin role")


class RegistrationClosed(Forbidden):
    """Accounts are made for people here, not by them."""

    code = "registration_closed"

    def __init__(self) -> None:
        super().__init__("registration without a token is switched off")


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
