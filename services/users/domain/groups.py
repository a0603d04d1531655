"""Groups of users, policies on them, and what can be wrong with either."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject, Status
from shared.errors import Conflict, InvalidInput, NotFound


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
