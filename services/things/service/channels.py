"""What may happen to channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from services.things.domain import (
    Channel,
    ChannelChange,
    ChannelDraft,
    ChannelNotFound,
    Family,
    Filter,
    UnknownParent,
)
from services.things.ports import ChannelStore, Facts
from services.things.service.authorization import Authorization
from services.things.service.making import made_channels
from shared.contracts.common import Status
from shared.errors import StatusAlreadyAssigned
from shared.http.auth import Caller
from shared.http.paging import Page


class ChannelService:
    """Makes, shows, lists, changes and removes channels."""

    def __init__(
        self,
        channels: ChannelStore,
        facts: Facts,
        authorization: Authorization,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._channels = channels
        self._facts = facts
        self._authorization = authorization
        self._now = now
        self._new_id = new_id

    async def create(self, caller: Caller, drafts: Sequence[ChannelDraft]) -> list[Channel]:
        """Make channels, all or none, one microsecond apart so that lists keep their order.

        Raises:
            IdTaken: Another channel has an id that was chosen.
            IdWithdrawn: A chosen id was withdrawn.
            UnknownParent: A parent is not a channel of the caller, nor made by this call.

        Events: `ChannelCreated`, one for all.
        """
        await self._require_parents(caller, drafts)
        channels = made_channels(drafts, caller.user_id, self._now(), self._new_id)
        await self._channels.insert(channels)
        return channels

    async def view(self, caller: Caller, channel_id: UUID) -> Channel:
        """Show a channel, also a disabled one; raises ChannelNotFound."""
        return await self._usable(caller, channel_id, "g_list")

    async def read(self, caller: Caller, channel_id: UUID) -> Channel:
        """Show a user's channel to the service that configures gateways.

        Raises:
            Forbidden: Another service, or with a token for something else.
            ChannelNotFound: Unknown, or not the user's own.
        """
        self._authorization.read_channel(caller, channel_id)
        channel = await self._channels.find(channel_id)
        if channel is None or channel.owner_id != caller.user_id:
            raise ChannelNotFound
        return channel

    async def list_page(
        self, caller: Caller, wanted: Filter, page: Page, *, owner: str, family: Family | None
    ) -> tuple[int, list[Channel]]:
        """How many channels match and the caller may see, and those on the page.

        Args:
            family: Only relatives of a channel, with their levels.
        """
        reach = self._authorization.channels_reach(caller, owner)
        if family is not None:
            return await self._channels.list_family(reach, family, wanted, page)
        return await self._channels.list_page(reach, wanted, page)

    async def update(self, caller: Caller, channel_id: UUID, change: ChannelChange) -> Channel:
        """Change members of an enabled channel.

        Raises:
            ChannelNotFound: Disabled, unknown, or not visible to the caller.
            Forbidden: Visible, and not to be changed by the caller.

        Events: `ChannelUpdated`, if there is something to change.
        """
        seen = await self._usable(caller, channel_id, "g_update")
        if not change.members and seen.status is Status.ENABLED:
            return seen
        channel = await self._channels.update(
            channel_id, change, changed_at=self._now(), changed_by=caller.user_id
        )
        if channel is None:
            raise ChannelNotFound
        return channel

    async def update_status(self, caller: Caller, channel_id: UUID, status: Status) -> Channel:
        """Enable or disable a channel.

        Raises:
            StatusAlreadyAssigned: It has that status, or somebody else was faster.
            ChannelNotFound: Unknown, or not visible to the caller.
            Forbidden: Visible, and not to be changed by the caller.

        Events: `ChannelEnabled` or `ChannelDisabled`.
        """
        await self._usable(caller, channel_id, "g_delete")
        try:
            channel = await self._channels.update_status(
                channel_id, status, changed_at=self._now(), changed_by=caller.user_id
            )
        finally:
            await self._facts.forget(channel_ids=[channel_id])
        if channel is None:
            await self._usable(caller, channel_id, "g_delete")
            raise StatusAlreadyAssigned
        return channel

    async def delete(self, caller: Caller, channel_id: UUID) -> None:
        """Remove a channel with its connections and shares.

        Raises:
            ChannelNotFound: Unknown, or not the caller's.

        Events: `ChannelDeleted`.
        """
        self._authorization.own_channel(caller, await self._channels.find(channel_id))
        try:
            if not await self._channels.delete(channel_id):
                raise ChannelNotFound
        finally:
            await self._facts.forget(channel_ids=[channel_id])

    async def _usable(self, caller: Caller, channel_id: UUID, action: str) -> Channel:
        return await self._authorization.use_channel(
            caller, await self._channels.find(channel_id), action
        )

    async def _require_parents(self, caller: Caller, drafts: Sequence[ChannelDraft]) -> None:
        made = {draft.id for draft in drafts}
        wanted = {draft.parent_id for draft in drafts if draft.parent_id} - made
        parents = await self._channels.find_many(wanted) if wanted else []
        try:
            usable = {self._authorization.own_channel(caller, parent).id for parent in parents}
        except ChannelNotFound:
            raise UnknownParent from None
        if usable != wanted:
            raise UnknownParent
