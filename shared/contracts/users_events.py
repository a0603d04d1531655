"""What users tells: facts about accounts, logins, keys, groups and policies."""

from __future__ import annotations

from uuid import UUID

from shared.contracts.events import Event


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
    epoch: int


class UserSecretChanged(Event, frozen=True, kw_only=True):
    """An account has another password; its logins of before have ended."""

    subject = "events.users.user.secret_changed"

    user_id: UUID
    epoch: int


class UserRoleChanged(Event, frozen=True, kw_only=True):
    """An account became an admin's, or is one no longer; its logins of before have ended."""

    subject = "events.users.user.role_changed"

    user_id: UUID
    epoch: int


class LoginEnded(Event, frozen=True, kw_only=True):
    """Somebody logged out, or one of his refresh tokens was stolen."""

    subject = "events.users.login.ended"

    user_id: UUID
    login_id: UUID


class KeyCreated(Event, frozen=True, kw_only=True):
    """An API key was made."""

    subject = "events.users.key.created"

    key_id: UUID
    user_id: UUID


class KeyRevoked(Event, frozen=True, kw_only=True):
    """An API key is worth nothing from now on."""

    subject = "events.users.key.revoked"

    key_id: UUID
    user_id: UUID


class GroupCreated(Event, frozen=True, kw_only=True):
    """A group of users was made."""

    subject = "events.users.group.created"

    group_id: UUID
    owner_id: UUID


class GroupUpdated(Event, frozen=True, kw_only=True):
    """Members of a group changed."""

    subject = "events.users.group.updated"

    group_id: UUID
    members: list[str]


class GroupEnabled(Event, frozen=True, kw_only=True):
    """A group takes part again."""

    subject = "events.users.group.enabled"

    group_id: UUID


class GroupDisabled(Event, frozen=True, kw_only=True):
    """A group no longer takes part."""

    subject = "events.users.group.disabled"

    group_id: UUID


class PolicyCreated(Event, frozen=True, kw_only=True):
    """A user may do something in a group, and nothing else there."""

    subject = "events.users.policy.created"

    user_id: UUID
    group_id: UUID


class PolicyUpdated(Event, frozen=True, kw_only=True):
    """What a user may do in a group changed."""

    subject = "events.users.policy.updated"

    user_id: UUID
    group_id: UUID


class PolicyDeleted(Event, frozen=True, kw_only=True):
    """A user may no longer do anything in a group."""

    subject = "events.users.policy.deleted"

    user_id: UUID
    group_id: UUID
