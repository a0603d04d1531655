"""What one change connects and disconnects in things, and how that is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from services.bootstrap.domain import ThingsUnavailable
from services.bootstrap.ports import UsersThings
from shared.errors import DomainError, NotFound, Unavailable

_AT_ONCE = 8


class Links:
    """The connections of one thing, changed with its user's token.

    Whatever keeps a call from succeeding is `ThingsUnavailable` to the caller.
    """

    def __init__(self, things: UsersThings, token: str, thing_id: UUID) -> None:
        self._things = things
        self._token = token
        self._thing_id = thing_id
        self._connected: set[UUID] = set()
        self._disconnected: set[UUID] = set()

    @property
    def has_changed(self) -> bool:
        """Whether there is, or may be, anything to take back."""
        return bool(self._connected or self._disconnected)

    async def connect(self, channel_ids: Sequence[UUID]) -> None:
        """Connect, by one call; raises ThingsUnavailable."""
        if not channel_ids:
            return
        before = set(self._connected)
        self._connected |= set(channel_ids)  # as long as nobody knows what came of it
        try:
            page = await self._things.connect(self._token, self._thing_id, channel_ids)
        except Unavailable:
            raise ThingsUnavailable from None
        except DomainError:
            self._connected = before
            raise ThingsUnavailable from None
        # A connection that was there before has been changed by this call.
        self._connected = before | {
            policy.object for policy in page.policies if policy.updated_by is None
        }

    async def disconnect(self, channel_ids: Sequence[UUID]) -> None:
        """Disconnect what is connected; raises ThingsUnavailable."""
        if not channel_ids:
            return
        before = set(self._disconnected)
        self._disconnected |= set(channel_ids)
        try:
            await self._things.disconnect(self._token, self._thing_id, channel_ids)
        except NotFound:  # one at least, so none was disconnected
            self._disconnected = before
            await self._disconnect_each(channel_ids)
        except Unavailable:
            raise ThingsUnavailable from None
        except DomainError:
            self._disconnected = before
            raise ThingsUnavailable from None

    async def undo(self) -> None:
        """Take everything back; raises ThingsUnavailable."""
        connected, disconnected = list(self._connected), list(self._disconnected)
        await self.disconnect(connected)
        await self.connect(disconnected)

    async def _disconnect_each(self, channel_ids: Sequence[UUID]) -> None:
        if len(channel_ids) == 1:
            return
        places = asyncio.Semaphore(_AT_ONCE)

        async def disconnect(channel_id: UUID) -> None:
            async with places:
                self._disconnected.add(channel_id)
                try:
                    await self._things.disconnect(self._token, self._thing_id, [channel_id])
                except NotFound:
                    self._disconnected.discard(channel_id)

        results = await asyncio.gather(
            *(disconnect(channel_id) for channel_id in channel_ids), return_exceptions=True
        )
        for result in results:
            if isinstance(result, DomainError):
                raise ThingsUnavailable from None
            if isinstance(result, BaseException):
                raise result
