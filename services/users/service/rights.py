"""Rights of users over users and groups, for other services to ask about."""

from __future__ import annotations

from uuid import UUID

from services.users.domain.accounts import User, UserNotFound
from services.users.domain.groups import Action
from services.users.ports import RightStore, UserStore


class RightService:
    """Answers what other services need to know about users."""

    def __init__(self, *, users: UserStore, rights: RightStore) -> None:
        self._users = users
        self._rights = rights

    async def is_allowed(
        self, subject: UUID, target: UUID, action: Action, *, on_group: bool
    ) -> bool:
        """Whether a user may do something with a user or group; never if he is disabled."""
        is_admin = await self._rights.is_enabled_admin(subject)
        if is_admin is None:
            return False
        if is_admin:
            return True
        allows = self._rights.allows_on_group if on_group else self._rights.allows_on_user
        return await allows(subject, target, action)

    async def read(self, user_id: UUID) -> User:
        """The account; raises UserNotFound."""
        user = await self._users.find(user_id)
        if user is None:
            raise UserNotFound
        return user
