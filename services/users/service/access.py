"""What lets somebody in: his password, his role, and whether his account takes part."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from services.users.domain.accounts import (
    MissingSecret,
    Role,
    RoleAlreadyAssigned,
    User,
    UserNotFound,
)
from services.users.domain.groups import Action
from services.users.domain.logins import WrongLogin
from services.users.identity import canonical_identity
from services.users.ports import AccessStore, Passwords, RightStore, UserStore
from services.users.service.authorization import require_admin, require_on_user
from services.users.service.guessing import LoginGuard
from services.users.service.secrets import require_secret
from shared.contracts.common import Status
from shared.http.auth import Caller


class AccessService:
    """Changes what lets somebody in; each change ends his logins of before.

    Args:
        secret_rule: What a password must match.
        access_lifetime: How long a revoked token could still be presented.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        access: AccessStore,
        rights: RightStore,
        passwords: Passwords,
        guard: LoginGuard,
        secret_rule: re.Pattern[str],
        access_lifetime: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._access = access
        self._rights = rights
        self._passwords = passwords
        self._guard = guard
        self._secret_rule = secret_rule
        self._access_lifetime = access_lifetime
        self._now = now

    async def change_secret(
        self, caller: Caller, *, old_secret: str, new_secret: str, address: str
    ) -> User:
        """Give the caller another password and end all his logins.

        Raises:
            InvalidInput: One is missing, or the new one breaks the rule.
            WrongLogin: The old one is not right.
            SecretChangedMeanwhile: Another change was faster.
            TooManyRequests: The old one was too often wrong: it is guessed at with a stolen token.

        Events: `UserSecretChanged`.
        """
        if not old_secret:
            raise MissingSecret
        require_secret(new_secret, self._secret_rule)
        login = await self._users.get_login(caller.user_id)
        canonical = canonical_identity(login.user.identity)
        await self._guard.admit(address, canonical)
        if not await self._passwords.matches(old_secret, login.secret_hash):
            await self._guard.note_failure(address, canonical, login.user)
            raise WrongLogin
        return await self._access.update_secret(
            caller.user_id,
            old_hash=login.secret_hash,
            new_hash=await self._passwords.hash(new_secret),
            at=(now := self._now()),
            until=now + self._access_lifetime,
        )

    async def change_role(self, caller: Caller, user_id: UUID, role: Role) -> User:
        """Make somebody an admin, or an admin an ordinary user; his logins end by that.

        Raises:
            AdminRoleRefused: The caller is no admin.
            UserNotFound: Unknown or disabled.
            RoleAlreadyAssigned: It is so already.

        Events: `UserRoleChanged`.
        """
        require_admin(caller)
        user = await self._users.find(user_id)
        if user is None or not user.is_enabled:
            raise UserNotFound
        now = self._now()
        changed = await self._access.update_role(
            user_id, role, by=caller.user_id, at=now, until=now + self._access_lifetime
        )
        if changed is None:
            raise RoleAlreadyAssigned
        return changed

    async def change_status(self, caller: Caller, user_id: UUID, status: Status) -> User:
        """Let an account take part again, or no longer; the latter ends all its logins.

        Raises:
            Forbidden: The caller may not.
            UserNotFound: Unknown, as admins are told.
            StatusAlreadyAssigned: It is so already.

        Events: `UserEnabled` or `UserDisabled`.
        """
        user = await self._users.find(user_id)
        await require_on_user(self._rights, caller, user, Action.USER_DELETE)
        now = self._now()
        return await self._access.update_status(
            user_id, status, by=caller.user_id, at=now, until=now + self._access_lifetime
        )
