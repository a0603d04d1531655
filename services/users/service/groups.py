"""Groups of users: who makes them, who sees them, who is in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.users.domain.accounts import User, UserFilter
from services.users.domain.groups import (
    Action,
    Group,
    GroupFilter,
    GroupNotFound,
    MissingName,
    ParentNotFound,
)
from services.users.ports import GroupStore, RightStore, UserStore
from services.users.service.authorization import require_on_group
from shared.contracts.common import JsonObject, Status
from shared.errors import Forbidden
from shared.http.auth import Caller
from shared.http.paging import Page


class GroupService:
    """Makes, shows and changes groups."""

    def __init__(
        self,
        *,
        groups: GroupStore,
        users: UserStore,
        rights: RightStore,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._groups = groups
        self._users = users
        self._rights = rights
        self._now = now
        self._new_id = new_id

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        description: str,
        parent_id: UUID | None,
        metadata: JsonObject,
        status: Status,
    ) -> Group:
        """Make a group of the caller's, perhaps inside another one.

        Raises:
            MissingName: It has none.
            ParentNotFound: The other one does not exist.
            Forbidden: The caller may not add to it.
            GroupNameTaken: He has a group of that name.

        Events: `GroupCreated`.
        """
        if not name:
            raise MissingName
        await self._require_parent(caller, parent_id)
        now = self._now()
        group = Group(
            id=self._new_id(),
            owner_id=caller.user_id,
            parent_id=parent_id,
            name=name,
            description=description,
            metadata=metadata,
            status=status,
            created_at=now,
            updated_at=now,
        )
        await self._groups.insert(group)
        return group

    async def view(self, caller: Caller, group_id: UUID) -> Group:
        """Show a group to its owner, an admin or who has `g_list`."""
        return await self._require(caller, group_id, Action.GROUP_LIST)

    async def list_page(
        self, caller: Caller, wanted: GroupFilter, page: Page
    ) -> tuple[int, list[Group]]:
        """Those among the wanted groups that the caller may see."""
        if not caller.is_admin:
            wanted = replace(wanted, viewer_id=caller.user_id, owner_id=None)
        return await self._groups.list_page(wanted, page)

    async def list_family(
        self, caller: Caller, group_id: UUID, wanted: GroupFilter, page: Page
    ) -> tuple[int, list[Group]]:
        """The same among a group's relatives; refused if the group itself may not be seen."""
        await self.view(caller, group_id)
        return await self.list_page(caller, replace(wanted, root_id=group_id), page)

    async def list_memberships(
        self, caller: Caller, user_id: UUID, wanted: GroupFilter, page: Page
    ) -> tuple[int, list[Group]]:
        """The same among the groups a user is in."""
        return await self.list_page(caller, replace(wanted, member_id=user_id), page)

    async def list_members(
        self, caller: Caller, group_id: UUID, wanted: UserFilter, page: Page
    ) -> tuple[int, list[User]]:
        """Who is in a group; a mere member sees the others.

        Raises:
            Forbidden: The caller neither owns the group nor has `g_list` on it.
            GroupNotFound: It does not exist, as admins are told.
        """
        group = await self.view(caller, group_id)
        rules = caller.is_admin or group.owner_id == caller.user_id
        members = replace(wanted, group_id=group_id, except_id=None if rules else caller.user_id)
        return await self._users.list_page(members, page)

    async def update(
        self,
        caller: Caller,
        group_id: UUID,
        *,
        name: str,
        description: str,
        metadata: JsonObject | None,
        parent_id: UUID | None,
    ) -> Group:
        """Change what is not empty; metadata as a whole unless None.

        Raises:
            Forbidden: The caller has no `g_update`, or may not add to the new parent.
            GroupNotFound: Unknown, as admins are told, or disabled.
            GroupCycle: The new parent stands inside the group.
            GroupNameTaken: The owner has another group of that name.

        Events: `GroupUpdated`.
        """
        await self._require(caller, group_id, Action.GROUP_UPDATE)
        await self._require_parent(caller, parent_id)
        return await self._groups.update(
            group_id,
            name=name or None,
            description=description or None,
            metadata=metadata,
            parent_id=parent_id,
            by=caller.user_id,
            at=self._now(),
        )

    async def change_status(self, caller: Caller, group_id: UUID, status: Status) -> Group:
        """Let a group take part again, or no longer; raises StatusAlreadyAssigned.

        Events: `GroupEnabled` or `GroupDisabled`.
        """
        await self._require(caller, group_id, Action.GROUP_DELETE)
        return await self._groups.update_status(group_id, status, by=caller.user_id, at=self._now())

    async def _require(self, caller: Caller, group_id: UUID, action: Action) -> Group:
        await require_on_group(self._rights, caller, group_id, action)
        group = await self._groups.find(group_id)
        if group is None:
            raise GroupNotFound if caller.is_admin else Forbidden
        return group

    async def _require_parent(self, caller: Caller, parent_id: UUID | None) -> None:
        if parent_id is None:
            return
        if await self._groups.find(parent_id) is None:
            raise ParentNotFound
        await require_on_group(self._rights, caller, parent_id, Action.GROUP_ADD)
