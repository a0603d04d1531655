"""Who may do what with which account; decided here and nowhere else."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from services.users.domain.accounts import (
    AdminRoleRefused,
    NewUser,
    RegistrationClosed,
    Role,
    User,
    UserNotFound,
)
from services.users.domain.groups import Action
from services.users.ports import RightStore, UserStore
from shared.contracts.users import KEY_PREFIX
from shared.errors import Forbidden, Unauthenticated
from shared.http.auth import Caller, TokenVerifier


class LivingAccounts:
    """A token counts here only as long as its account does, and with the role it has now."""

    def __init__(self, verifier: TokenVerifier, keys: TokenVerifier, users: UserStore) -> None:
        self._verifier = verifier
        self._keys = keys
        self._users = users

    async def verify(self, token: str) -> Caller:
        """Tell who presents a token; raises Unauthenticated."""
        if token.startswith(KEY_PREFIX):
            return await self._keys.verify(token)
        caller = await self._verifier.verify(token)
        user = await self._users.find_living(
            caller.user_id, epoch=caller.epoch, family_id=caller.login_id
        )
        if user is None:
            raise Unauthenticated
        return replace(caller, identity=user.identity, is_admin=user.role is Role.ADMIN)


def require_registration(caller: Caller | None, wanted: NewUser, *, is_open: bool) -> None:
    """Let a new account be made.

    Raises:
        RegistrationClosed: People may not do that by themselves here.
        AdminRoleRefused: Only an admin makes admins.
    """
    if caller is None and not is_open:
        raise RegistrationClosed
    if wanted.role is Role.ADMIN and not (caller and caller.is_admin):
        raise AdminRoleRefused


async def require_on_user(
    rights: RightStore, caller: Caller, user: User | None, action: Action
) -> User:
    """Let the account itself, its owner, admins, and who has a policy do something.

    Raises:
        Forbidden: Somebody else; whether the account exists is not told.
        UserNotFound: It does not, and an admin may know.
    """
    if user is None:
        raise UserNotFound if caller.is_admin else Forbidden
    if caller.is_admin or await rights.allows_on_user(caller.user_id, user.id, action):
        return user
    raise Forbidden


def require_self_or_owner(caller: Caller, user: User | None) -> User:
    """Let the account itself, its owner and admins do what no policy allows; raises as above."""
    if user is None:
        raise UserNotFound if caller.is_admin else Forbidden
    if caller.is_admin or caller.user_id in (user.id, user.owner_id):
        return user
    raise Forbidden


def require_owner(caller: Caller, user: User | None) -> User:
    """Let the account's owner and admins give it away; raises as above."""
    if user is None:
        raise UserNotFound if caller.is_admin else Forbidden
    if caller.is_admin or caller.user_id == user.owner_id:
        return user
    raise Forbidden


def require_admin(caller: Caller) -> None:
    """Raises AdminRoleRefused unless an admin calls."""
    if not caller.is_admin:
        raise AdminRoleRefused


async def require_on_group(
    rights: RightStore, caller: Caller, group_id: UUID, action: Action
) -> None:
    """Let a group's owner, admins, and who has a policy on it do something; raises Forbidden."""
    if not (caller.is_admin or await rights.allows_on_group(caller.user_id, group_id, action)):
        raise Forbidden
