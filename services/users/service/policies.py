"""Policies: who may let whom do what in a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.users.domain.groups import (
    Action,
    MissingActions,
    Policy,
    PolicyFilter,
    PolicyGround,
    PolicyNotFound,
)
from services.users.ports import PolicyStore
from shared.errors import Forbidden
from shared.http.auth import Caller
from shared.http.paging import Page


class PolicyService:
    """Makes, shows, changes and removes policies."""

    def __init__(self, policies: PolicyStore, now: Callable[[], datetime]) -> None:
        self._policies = policies
        self._now = now

    async def add(
        self, caller: Caller, subject: UUID, group_id: UUID, actions: Sequence[Action]
    ) -> None:
        """Let a user do something in a group, with what that implies; replaces what he could.

        Raises:
            MissingActions: Nothing would be allowed.
            PolicyNotFound: No such user or group.
            Forbidden: The caller may not hand that out, or not replace this policy.

        Events: `PolicyCreated`.
        """
        if not actions:
            raise MissingActions
        allowed = with_implied(actions)
        ground = await self._policies.get_ground(caller.user_id, subject, group_id)
        if not ground.has_subject or ground.group_owner_id is None:
            raise PolicyNotFound
        _require_giver(caller, ground, allowed)
        is_foreign = ground.existing and ground.existing.owner_id != caller.user_id
        if is_foreign and not _rules(caller, ground):
            raise Forbidden
        now = self._now()
        await self._policies.put(
            Policy(
                subject=subject,
                object=group_id,
                owner_id=caller.user_id,
                actions=allowed,
                created_at=now,
                updated_at=now,
            )
        )

    async def update(
        self, caller: Caller, subject: UUID, group_id: UUID, actions: Sequence[Action]
    ) -> None:
        """Replace a policy's actions by exactly these.

        Raises:
            MissingActions: Nothing would be allowed; that is what `delete` is for.
            PolicyNotFound: There is none.
            Forbidden: The caller neither made it nor is an admin, or may not hand that out.

        Events: `PolicyUpdated`.
        """
        if not actions:
            raise MissingActions
        ground = await self._require_own(caller, subject, group_id)
        allowed = list(dict.fromkeys(actions))
        _require_giver(caller, ground, allowed)
        await self._policies.update(subject, group_id, allowed, by=caller.user_id, at=self._now())

    async def delete(self, caller: Caller, subject: UUID, group_id: UUID) -> None:
        """Remove a policy; refusals as for `update`. Events: `PolicyDeleted`."""
        await self._require_own(caller, subject, group_id)
        await self._policies.delete(subject, group_id)

    async def list_page(
        self, caller: Caller, wanted: PolicyFilter, page: Page
    ) -> tuple[int, list[Policy]]:
        """Those among the wanted policies that the caller made; an admin sees all."""
        if not caller.is_admin:
            wanted = replace(wanted, owner_id=caller.user_id)
        return await self._policies.list_page(wanted, page)

    async def _require_own(self, caller: Caller, subject: UUID, group_id: UUID) -> PolicyGround:
        ground = await self._policies.get_ground(caller.user_id, subject, group_id)
        if ground.existing is None:
            raise PolicyNotFound
        if not (caller.is_admin or ground.existing.owner_id == caller.user_id):
            raise Forbidden
        return ground


def with_implied(actions: Iterable[Action]) -> list[Action]:
    """The actions and those without which they are of no use, each once."""
    given = list(dict.fromkeys(actions))
    implied = []
    if any(action.startswith("c_") for action in given):
        implied = [Action.USER_LIST, Action.GROUP_LIST]
    elif any(action.startswith("g_") for action in given):
        implied = [Action.GROUP_LIST]
    return list(dict.fromkeys([*given, *implied]))


def _rules(caller: Caller, ground: PolicyGround) -> bool:
    return caller.is_admin or ground.group_owner_id == caller.user_id


def _require_giver(caller: Caller, ground: PolicyGround, actions: Iterable[Action]) -> None:
    """Who does not rule the group needs `g_add`, and hands out only what he has."""
    if not _rules(caller, ground) and not ground.held >= {Action.GROUP_ADD, *actions}:
        raise Forbidden
