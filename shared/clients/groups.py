"""Groups of users, and what users may do in them."""

from __future__ import annotations

from uuid import UUID

import aiohttp

from shared.clients.base import Peer, with_query
from shared.contracts.users import UsersQuery
from shared.contracts.users_groups import (
    CreateGroupBody,
    GroupBody,
    GroupsPage,
    GroupsQuery,
    MembershipsPage,
    MembersPage,
    UpdateGroupBody,
    UserPoliciesPage,
    UserPoliciesQuery,
    UserPolicyWriteBody,
)


class GroupsClient:
    """Calls users about groups; every call takes the token it is made with.

    Args:
        policies_url: Where users' `/policies` is found, if not below `base_url`: things has a
            route of that name, too, so behind one front door both need a prefix.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        policies_url: str = "",
        timeout_seconds: float = 5.0,
    ) -> None:
        self._peer = Peer(session, "users", base_url, timeout_seconds)
        self._policies = Peer(session, "users", policies_url or base_url, timeout_seconds)

    async def create_group(self, token: str, group: CreateGroupBody) -> GroupBody:
        """Make a group; raises Conflict if the caller has one of this name."""
        return await self._peer.call("POST", "/groups", token=token, body=group, answer=GroupBody)

    async def view_group(self, token: str, group_id: UUID) -> GroupBody:
        """A group; raises Forbidden."""
        return await self._peer.call(
            "GET", f"/groups/{group_id}", token=token, answer=GroupBody, repeatable=True
        )

    async def list_groups(self, token: str, query: GroupsQuery | None = None) -> GroupsPage:
        """The groups the caller may see."""
        return await self._list(token, "/groups", query)

    async def list_children(
        self, token: str, group_id: UUID, query: GroupsQuery | None = None
    ) -> GroupsPage:
        """A group and those below it."""
        return await self._list(token, f"/groups/{group_id}/children", query)

    async def list_parents(
        self, token: str, group_id: UUID, query: GroupsQuery | None = None
    ) -> GroupsPage:
        """A group and those above it."""
        return await self._list(token, f"/groups/{group_id}/parents", query)

    async def update_group(self, token: str, group_id: UUID, changes: UpdateGroupBody) -> GroupBody:
        """Change what is not empty."""
        return await self._peer.call(
            "PUT", f"/groups/{group_id}", token=token, body=changes, answer=GroupBody
        )

    async def enable_group(self, token: str, group_id: UUID) -> GroupBody:
        """Let a disabled group take part again; raises Conflict if it does."""
        return await self._peer.call(
            "POST", f"/groups/{group_id}/enable", token=token, answer=GroupBody
        )

    async def disable_group(self, token: str, group_id: UUID) -> GroupBody:
        """Take a group out of use; raises Conflict if it is."""
        return await self._peer.call(
            "POST", f"/groups/{group_id}/disable", token=token, answer=GroupBody
        )

    async def list_members(
        self, token: str, group_id: UUID, query: UsersQuery | None = None
    ) -> MembersPage:
        """The users in a group."""
        return await self._peer.call(
            "GET",
            with_query(f"/groups/{group_id}/members", query or UsersQuery()),
            token=token,
            answer=MembersPage,
            repeatable=True,
        )

    async def list_memberships(
        self, token: str, user_id: UUID, query: GroupsQuery | None = None
    ) -> MembershipsPage:
        """The groups a user is in."""
        return await self._peer.call(
            "GET",
            with_query(f"/users/{user_id}/memberships", query or GroupsQuery()),
            token=token,
            answer=MembershipsPage,
            repeatable=True,
        )

    async def add_policy(self, token: str, policy: UserPolicyWriteBody) -> None:
        """Put a user into a group; raises Forbidden, and NotFound for an unknown user or group."""
        await self._policies.call("POST", "/policies", token=token, body=policy, repeatable=True)

    async def update_policy(self, token: str, policy: UserPolicyWriteBody) -> None:
        """Change what a member may do."""
        await self._policies.call("PUT", "/policies", token=token, body=policy, repeatable=True)

    async def list_policies(
        self, token: str, query: UserPoliciesQuery | None = None
    ) -> UserPoliciesPage:
        """The policies the caller made."""
        return await self._policies.call(
            "GET",
            with_query("/policies", query or UserPoliciesQuery()),
            token=token,
            answer=UserPoliciesPage,
            repeatable=True,
        )

    async def delete_policy(self, token: str, user_id: UUID, group_id: UUID) -> None:
        """Take a user out of a group; raises NotFound."""
        await self._policies.call("DELETE", f"/policies/{user_id}/{group_id}", token=token)

    async def _list(self, token: str, path: str, query: GroupsQuery | None) -> GroupsPage:
        return await self._peer.call(
            "GET",
            with_query(path, query or GroupsQuery()),
            token=token,
            answer=GroupsPage,
            repeatable=True,
        )
