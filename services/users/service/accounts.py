"""Accounts: who gets one, and what is changed in it by whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.users.domain.accounts import (
    IdentityTaken,
    MalformedIdentity,
    MissingIdentity,
    NewUser,
    Role,
    UnknownOwner,
    User,
    UserFilter,
)
from services.users.domain.groups import Action
from services.users.identity import canonical_identity
from services.users.ports import Passwords, RightStore, UserStore
from services.users.service.authorization import (
    require_on_user,
    require_owner,
    require_registration,
    require_self_or_owner,
)
from services.users.service.guessing import AttemptLimit
from services.users.service.secrets import require_secret
from shared.contracts.common import JsonObject
from shared.errors import InvalidInput
from shared.http.auth import Caller
from shared.http.paging import Page


class AccountService:
    """Makes, shows and changes accounts.

    Args:
        secret_rule: What a password must match.
        is_open: Whether people without a token may make an account.
        registrations: How often one address may do that.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        rights: RightStore,
        passwords: Passwords,
        secret_rule: re.Pattern[str],
        is_open: bool,
        registrations: AttemptLimit,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._rights = rights
        self._passwords = passwords
        self._secret_rule = secret_rule
        self._is_open = is_open
        self._registrations = registrations
        self._now = now
        self._new_id = new_id

    async def register(self, caller: Caller | None, wanted: NewUser, address: str) -> User:
        """Make an account, owned by the caller if there is one.

        Raises:
            InvalidInput: Identity, secret or owner cannot be accepted.
            Forbidden: The caller may not make such an account.
            IdentityTaken: The address has an account.
            TooManyRequests: Too many registrations come from where the caller is.

        Events: `UserCreated`, in the same transaction as the row.
        """
        require_registration(caller, wanted, is_open=self._is_open)
        if caller is None:
            await self._registrations.admit(address)
        owner_id = _owner(caller, wanted)
        canonical = _canonical(wanted.identity)
        require_secret(wanted.secret, self._secret_rule)
        return await self._insert(wanted, canonical, owner_id)

    async def ensure_admin(self, identity: str, secret: str) -> None:
        """Make the first admin unless the address has an account; the password rule is not asked.

        Raises:
            InvalidInput: Not an address, or no password that bcrypt can read.
        """
        canonical = _canonical(identity)
        require_secret(secret, re.compile(""))
        if await self._users.find_login(canonical) is not None:
            return
        admin = NewUser(
            identity=identity,
            secret=secret,
            name="admin",
            metadata={"role": "admin"},
            role=Role.ADMIN,
        )
        with suppress(IdentityTaken):  # by another worker that started at the same moment
            await self._insert(admin, canonical, None)

    async def view(self, caller: Caller, user_id: UUID) -> User:
        """Show an account to itself, its owner, an admin or who has `c_list`."""
        return await self._require(caller, user_id, Action.USER_LIST)

    async def list_page(
        self, caller: Caller, wanted: UserFilter, *, owner: str, visibility: str, page: Page
    ) -> tuple[int, list[User]]:
        """Those accounts among the wanted ones that the caller may see.

        Args:
            owner: Id of the owner, heeded for admins only.
            visibility: `mine` are those the caller owns, `shared` those he may list by a policy,
                `all` both, and for an admin everybody. Empty is `mine`, for an admin `all`.

        Returns:
            How many there are, and the page.
        """
        owner_id = _uuid(owner, "owner_id") if owner and caller.is_admin else None
        wanted = replace(wanted, owner_id=owner_id)
        if not (caller.is_admin and visibility in ("", "all")):
            wanted = replace(
                wanted,
                viewer_id=caller.user_id,
                sees_own=visibility != "shared",
                sees_shared=visibility in ("shared", "all"),
                except_id=caller.user_id,
            )
        identity = wanted.identity
        if identity:
            try:
                identity = canonical_identity(identity)
            except MalformedIdentity:
                return 0, []
        return await self._users.list_page(replace(wanted, identity=identity), page)

    async def update(
        self, caller: Caller, user_id: UUID, *, name: str, metadata: JsonObject | None
    ) -> User:
        """Change the name unless empty, and metadata as a whole unless None.

        Raises:
            Forbidden: The caller may not.
            UserNotFound: Unknown, as admins are told, or disabled.

        Events: `UserUpdated`.
        """
        await self._require(caller, user_id, Action.USER_UPDATE)
        return await self._users.update(
            user_id, name=name or None, metadata=metadata, by=caller.user_id, at=self._now()
        )

    async def update_tags(self, caller: Caller, user_id: UUID, tags: list[str]) -> User:
        """Replace all tags; refusals and event as for `update`."""
        await self._require(caller, user_id, Action.USER_UPDATE)
        return await self._users.update_tags(user_id, tags, by=caller.user_id, at=self._now())

    async def update_identity(self, caller: Caller, user_id: UUID, identity: str) -> User:
        """Change the login name; no policy allows that to others.

        Raises:
            InvalidInput: Not an e-mail address.
            Forbidden: The caller is neither the account, its owner nor an admin.
            UserNotFound: Unknown, as admins are told, or disabled.
            IdentityTaken: Another account has it.

        Events: `UserUpdated`.
        """
        canonical = _canonical(identity)
        require_self_or_owner(caller, await self._users.find(user_id))
        return await self._users.update_identity(
            user_id, identity, canonical=canonical, by=caller.user_id, at=self._now()
        )

    async def update_owner(self, caller: Caller, user_id: UUID, owner: str) -> User:
        """Give an account to another user; raises as above, and UnknownOwner.

        Events: `UserUpdated`.
        """
        try:
            owner_id = UUID(owner)
        except ValueError:
            raise UnknownOwner from None
        require_owner(caller, await self._users.find(user_id))
        return await self._users.update_owner(user_id, owner_id, by=caller.user_id, at=self._now())

    async def _require(self, caller: Caller, user_id: UUID, action: Action) -> User:
        user = await self._users.find(user_id)
        return await require_on_user(self._rights, caller, user, action)

    async def _insert(self, wanted: NewUser, canonical: str, owner_id: UUID | None) -> User:
        now = self._now()
        user = User(
            id=self._new_id(),
            name=wanted.name,
            identity=wanted.identity,
            owner_id=owner_id,
            tags=wanted.tags,
            metadata=wanted.metadata,
            role=wanted.role,
            status=wanted.status,
            created_at=now,
            updated_at=now,
        )
        secret_hash = await self._passwords.hash(wanted.secret)
        return await self._users.insert(user, canonical=canonical, secret_hash=secret_hash)


def _owner(caller: Caller | None, wanted: NewUser) -> UUID | None:
    """The caller; an admin may name somebody else, others who try are not heard."""
    if caller is None:
        return None
    if not (caller.is_admin and wanted.owner):
        return caller.user_id
    try:
        return UUID(wanted.owner)
    except ValueError:
        raise UnknownOwner from None


def _canonical(identity: str) -> str:
    if not identity:
        raise MissingIdentity
    return canonical_identity(identity)


def _uuid(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{what} is not an id") from None
