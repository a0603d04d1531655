"""What happens to configs when something happens in things."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.bootstrap.ports import ActingForUsers, FollowedConfigs, Now, ReadThings
from shared.contracts.common import JsonObject
from shared.errors import NotFound

T = TypeVar("T")
_LOOK_AGAIN_SECONDS = 0.05


class FollowingService:
    """Keeps configs true to what happened in things; repeating a call changes nothing.

    What an event says of something that has been made, looked up or connected anew since does not
    count any more.
    """

    def __init__(
        self, configs: FollowedConfigs, things: ReadThings, users: ActingForUsers, *, now: Now
    ) -> None:
        self._configs = configs
        self._things = things
        self._users = users
        self._now = now

    async def forget_things(
        self, thing_ids: Sequence[UUID], *, disabled_at: datetime | None = None
    ) -> None:
        """Remove the configs of things that take no part any more; enabling brings none back.

        Args:
            disabled_at: None for things that are gone for good.

        Events: `ConfigDeleted` for each.
        """
        await self._configs.delete_of_things(thing_ids, made_before=disabled_at)

    async def forget_channels(
        self, channel_ids: Sequence[UUID], *, disabled_at: datetime | None = None
    ) -> None:
        """Take channels that take no part any more out of all configs, whose state stays.

        Args:
            disabled_at: None for channels that are gone for good.

        Events: `ConfigUpdated`.
        """
        await self._configs.remove_channels(channel_ids, self._now(), seen_before=disabled_at)

    async def copy_secret(self, thing_id: UUID) -> None:
        """Let a gateway get the secret that its thing has now.

        Events: `ConfigUpdated`, if it is another one.
        """
        owner_id = await self._configs.find_owner(thing_id)
        if owner_id is None:
            return
        token = self._token(owner_id, f"thing-secret:{thing_id}")

        async def read() -> str:
            return (await self._things.read_thing(await token(), thing_id)).credentials.secret

        async def write(secret: str) -> None:
            await self._configs.update_thing_key(thing_id, secret, self._now())

        await _copy(read, write)

    async def copy_channel(self, channel_id: UUID) -> None:
        """Let gateways see the name and metadata that a channel has now.

        Events: `ConfigUpdated`, if they are others.
        """
        owner_id = await self._configs.find_owner_by_channel(channel_id)
        if owner_id is None:
            return
        token = self._token(owner_id, f"channel:{channel_id}")

        async def read() -> tuple[str, JsonObject]:
            channel = await self._things.read_channel(await token(), channel_id)
            return channel.name, channel.metadata

        async def write(seen: tuple[str, JsonObject]) -> None:
            name, metadata = seen
            await self._configs.update_channel(
                channel_id, name=name, metadata=metadata, moment=self._now()
            )

        await _copy(read, write)

    def _token(self, owner_id: UUID, scope: str) -> Callable[[], Awaitable[str]]:
        """Gets a token at its first call, and hands out the same afterwards."""
        token = ""

        async def get() -> str:
            nonlocal token
            token = token or (await self._users.act_for_user(owner_id, scope)).access_token
            return token

        return get

    async def notice_disconnection(
        self, thing_ids: Sequence[UUID], channel_ids: Sequence[UUID], disconnected_at: datetime
    ) -> None:
        """Switch off the configs that have both the thing and the channel, and no others.

        Waits for the end of a change that may have disconnected them itself.

        Events: `ConfigDeactivated`.
        """
        while True:
            is_done = await self._configs.deactivate(
                thing_ids, channel_ids, disconnected_at=disconnected_at, moment=self._now()
            )
            if is_done:
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _copy(read: Callable[[], Awaitable[T]], write: Callable[[T], Awaitable[None]]) -> None:
    """Copy until what was written is still so: several processes may be at it."""
    try:
        seen = await read()
        while True:
            await write(seen)
            now = await read()
            if now == seen:
                return
            seen = now
    except NotFound:
        return  # the user, the thing or the channel is gone, which other events tell
