"""Policies: connections and shares in the words of the current clients."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from services.things.domain import (
    ChannelNotFound,
    Connection,
    NotConnected,
    Pairs,
    PolicyFilter,
    PolicyNotFound,
    Share,
    UserNotFound,
    checked_actions,
    with_implied,
)
from services.things.ports import ChannelStore, ConnectionStore, Facts, People, ShareStore
from services.things.service.authorization import Authorization
from services.things.service.connections import ConnectionService
from shared.contracts.things import DEFAULT_ACTIONS
from shared.errors import Forbidden, InvalidInput
from shared.http.auth import Caller
from shared.http.paging import Page


class PolicyService:
    """Makes, lists, changes and removes policies; the subject is a thing or a user."""

    def __init__(
        self,
        shares: ShareStore,
        connections: ConnectionStore,
        connecting: ConnectionService,
        channels: ChannelStore,
        facts: Facts,
        people: People,
        authorization: Authorization,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._shares = shares
        self._connections = connections
        self._connecting = connecting
        self._channels = channels
        self._facts = facts
        self._people = people
        self._authorization = authorization
        self._now = now

    async def connect(
        self, caller: Caller, thing_id: UUID, channel_id: UUID, actions: list[str] | None
    ) -> None:
        """Connect a thing to a channel; see `ConnectionService.connect`."""
        pair = Pairs(thing_ids=[thing_id], channel_ids=[channel_id])
        await self._connecting.connect(caller, pair, actions)

    async def share(
        self, caller: Caller, user_id: UUID, channel_id: UUID, actions: list[str] | None
    ) -> None:
        """Share a channel with a user, or replace what he may do there.

        Args:
            actions: What he may do; what follows from it is added. Writing and reading if None or
                empty.

        Raises:
            InvalidInput: An action that does not exist.
            ChannelNotFound: There is no such channel.
            UserNotFound: There is no such user, told to admins only.
            Forbidden: The channel is not the caller's, nor shared so that he may; or he may not
                share with that user.

        Events: `PolicyCreated`, or `PolicyUpdated`.
        """
        given = checked_actions(actions, DEFAULT_ACTIONS)
        channel = await self._channels.find(channel_id)
        await self._authorization.share(caller, channel, given)
        if not caller.is_admin and not await self._people.may_share_with(caller.user_id, user_id):
            raise Forbidden
        if caller.is_admin and not await self._people.exists(user_id):
            raise UserNotFound
        moment = self._now()
        share = Share(
            user_id=user_id,
            channel_id=channel_id,
            owner_id=caller.user_id,
            actions=with_implied(given),
            created_at=moment,
            updated_at=moment,
            updated_by=None,
        )
        if not await self._shares.upsert(share):
            raise ChannelNotFound

    async def update(
        self, caller: Caller, subject_id: UUID, channel_id: UUID, actions: list[str] | None
    ) -> None:
        """Replace what a connected thing, or a user, may do; nothing is added.

        Raises:
            InvalidInput: No action, or one that does not exist.
            PolicyNotFound: The thing is not connected, nor is the channel shared with the user.
            Forbidden: Others made it, on a channel of others.

        Events: `ConnectionUpdated` or `PolicyUpdated`.
        """
        if not actions:
            raise InvalidInput("missing policy actions")
        given = checked_actions(actions, ())
        policy = await self._changeable(caller, subject_id, channel_id)
        if isinstance(policy, Connection):
            try:
                is_there = await self._connections.update(
                    subject_id,
                    channel_id,
                    given,
                    changed_at=self._now(),
                    changed_by=caller.user_id,
                )
            finally:
                await self._facts.forget(pairs=[(subject_id, channel_id)])
        else:
            is_there = await self._shares.update(
                subject_id, channel_id, given, changed_at=self._now(), changed_by=caller.user_id
            )
        if not is_there:
            raise PolicyNotFound

    async def delete(self, caller: Caller, subject_id: UUID, channel_id: UUID) -> None:
        """Disconnect a thing, or end the sharing with a user.

        Raises:
            PolicyNotFound: The thing is not connected, nor is the channel shared with the user.
            Forbidden: Others made it, on a channel of others.

        Events: `ConnectionDeleted` or `PolicyDeleted`.
        """
        if await self._connections.find(subject_id, channel_id) is not None:
            pair = Pairs(thing_ids=[subject_id], channel_ids=[channel_id])
            try:
                await self._connecting.disconnect(caller, pair)
            except NotConnected:
                raise PolicyNotFound from None
            return
        await self._changeable(caller, subject_id, channel_id)
        if not await self._shares.delete(subject_id, channel_id):
            raise PolicyNotFound

    async def list_page(
        self, caller: Caller, wanted: PolicyFilter, page: Page, *, owner: str
    ) -> tuple[int, list[Connection | Share]]:
        """How many policies match that the caller made, and those on the page.

        Args:
            owner: Id of the user whose policies an admin wants to see; means nothing from others.
        """
        owner_id = self._authorization.policies_of(caller, owner)
        wanted = msgspec.structs.replace(wanted, owner_id=owner_id)
        return await self._shares.list_policies(wanted, page)

    async def _changeable(
        self, caller: Caller, subject_id: UUID, channel_id: UUID
    ) -> Connection | Share:
        policy = await self._connections.find(subject_id, channel_id) or await self._shares.find(
            subject_id, channel_id
        )
        if policy is None:
            raise PolicyNotFound
        self._authorization.change_policy(caller, policy, await self._channels.find(channel_id))
        return policy
