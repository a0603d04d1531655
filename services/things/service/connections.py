"""Which things may talk in which channels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from services.things.domain import (
    Channel,
    Connection,
    Filter,
    NotConnected,
    Pairs,
    Thing,
    ThingNotFound,
    checked_actions,
)
from services.things.ports import ChannelStore, ConnectionStore, Facts, ThingStore
from services.things.service.authorization import Authorization
from shared.contracts.things import DEFAULT_ACTIONS
from shared.http.auth import Caller
from shared.http.paging import Page


class ConnectionService:
    """Connects, disconnects, and lists both sides."""

    def __init__(
        self,
        connections: ConnectionStore,
        things: ThingStore,
        channels: ChannelStore,
        facts: Facts,
        authorization: Authorization,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._connections = connections
        self._things = things
        self._channels = channels
        self._facts = facts
        self._authorization = authorization
        self._now = now

    async def connect(
        self, caller: Caller, pairs: Pairs, actions: list[str] | None
    ) -> list[Connection]:
        """Connect all pairs or none; what is connected already gets these actions.

        Args:
            actions: What the things may do there; writing and reading if None or empty.

        Returns:
            The connections, things outer, channels inner.

        Raises:
            InvalidInput: An action that does not exist.
            ThingNotFound: A thing does not exist.
            ChannelNotFound: A channel does not exist.
            Forbidden: One exists and is not the caller's, nor shared so that he may.

        Events: `ConnectionCreated` if any pair is new, else `ConnectionUpdated`; one for all.
        """
        allowed = checked_actions(actions, DEFAULT_ACTIONS)
        owners = await self._connections.find_owners(pairs.thing_ids, pairs.channel_ids)
        await self._authorization.connect(caller, pairs, owners, allowed)
        try:
            connections = await self._connections.upsert(
                pairs, allowed, connected_at=self._now(), connected_by=caller.user_id
            )
        finally:
            await self._facts.forget(pairs=pairs.all)
        if connections is None:
            raise ThingNotFound
        return connections

    async def disconnect(self, caller: Caller, pairs: Pairs) -> None:
        """Disconnect all pairs or none.

        Raises:
            NotConnected: A pair is not connected.
            ThingNotFound: A thing does not exist.
            ChannelNotFound: A channel does not exist.
            Forbidden: Both sides of a pair belong to others, and others connected it.

        Events: `ConnectionDeleted`, one for all.
        """
        owners = await self._connections.find_owners(pairs.thing_ids, pairs.channel_ids)
        makers = await self._connections.find_makers(pairs)
        self._authorization.disconnect(caller, pairs, owners, makers)
        try:
            if not await self._connections.delete(pairs):
                raise NotConnected
        finally:
            await self._facts.forget(pairs=pairs.all)

    async def list_things(
        self, caller: Caller, channel_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Thing]]:
        """How many of a channel's things match, and those on the page.

        Raises:
            ChannelNotFound: Unknown, or not visible to the caller.
        """
        await self._authorization.use_channel(caller, await self._channels.find(channel_id))
        total, things = await self._things.list_connected(channel_id, wanted, page)
        return total, await self._authorization.reveal(caller, things)

    async def list_channels(
        self, caller: Caller, thing_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        """How many of a thing's channels match, and those on the page.

        Raises:
            ThingNotFound: Unknown, or not visible to the caller.
        """
        await self._authorization.view_thing(caller, await self._things.find(thing_id))
        return await self._channels.list_connected(thing_id, wanted, page)
