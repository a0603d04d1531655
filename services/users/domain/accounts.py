"""Accounts, and what can be wrong with them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject, Status
from shared.errors import Conflict, Forbidden, InvalidInput, NotFound


class Role(StrEnum):
    """What an account may do with the accounts and things of others."""

    USER = "user"
    ADMIN = "admin"


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
