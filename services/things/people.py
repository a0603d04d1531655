"""What the users service knows, asked over the network."""

from __future__ import annotations

from uuid import UUID

from shared.clients.users import UsersClient


class KnownPeople:
    """See People."""

    def __init__(self, users: UsersClient) -> None:
        self._users = users

    async def may_share_with(self, user_id: UUID, other_id: UUID) -> bool:
        return await self._users.authorize(user_id, other_id, "c_share")

    async def exists(self, user_id: UUID) -> bool:
        return await self._users.find_user(user_id) is not None
