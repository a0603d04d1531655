"""Groups of users and the policies on them, as users shows them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, MetadataInput, StatusFilter
from shared.contracts.users import ActionWord, UserBody
from shared.http.paging import Page

GroupName = Annotated[str, Meta(max_length=1024, description="Unique among its owner's groups.")]
Description = Annotated[str, Meta(max_length=1024)]
Level = Annotated[int, Meta(ge=0, le=5, description="How far away relatives may be.")]


class CreateGroupBody(Struct, frozen=True, kw_only=True):
    """A new group of users."""

    name: GroupName = ""
    description: Description = ""
    parent_id: str = ""
    metadata: MetadataInput = None
    status: Literal["", "enabled", "disabled"] = ""


class UpdateGroupBody(Struct, frozen=True, kw_only=True):
    """What to change in a group: what is not empty, and metadata as a whole if given."""

    name: GroupName = ""
    description: Description = ""
    parent_id: str = ""
    metadata: MetadataInput = None


class GroupBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of users."""

    id: UUID
    owner_id: UUID
    parent_id: UUID | None = None
    name: str
    description: str = ""
    metadata: JsonObject = {}
    level: int = 0
    path: str = ""
    children: list[GroupBody] = []
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None
    status: str


class GroupsQuery(Page, frozen=True, kw_only=True):
    """Which groups are wanted."""

    name: str = ""
    metadata: str = ""
    status: StatusFilter = ""
    owner_id: str = ""
    parent_id: str = ""
    level: Level | None = None
    tree: bool = False
    dir: Annotated[int, Meta(ge=-1, le=2**31, description="-1 below, 0 and more above.")] = -1


class GroupsPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a list of groups."""

    limit: int
    offset: int
    total: int
    level: int = 0
    groups: list[GroupBody]


class MembersPage(Struct, frozen=True, kw_only=True):
    """A part of a list of a group's members."""

    limit: int
    offset: int
    total: int
    members: list[UserBody]


class MembershipsPage(Struct, frozen=True, kw_only=True):
    """A part of a list of the groups a user is in."""

    limit: int
    offset: int
    total: int
    memberships: list[GroupBody]


class UserPolicyWriteBody(Struct, frozen=True, kw_only=True):
    """What a user, the subject, shall be able to do in a group, the object."""

    subject: str = ""
    object: str = ""
    actions: list[ActionWord] = []


class UserPolicyBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a user may do in a group."""

    owner_id: UUID
    subject: UUID
    object: UUID
    actions: list[str]
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None


class UserPoliciesQuery(Page, frozen=True, kw_only=True):
    """Which policies are wanted."""

    owner_id: str = ""
    subject: str = ""
    object: str = ""
    action: ActionWord | Literal[""] = ""


class UserPoliciesPage(Struct, frozen=True, kw_only=True):
    """A part of a list of policies."""

    limit: int
    offset: int
    total: int
    policies: list[UserPolicyBody]
