"""Channels as the caller sees them in things."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.bootstrap.domain import Channel, ChannelsNotVisible, ThingsUnavailable
from services.bootstrap.ports import UsersThings
from shared.contracts.common import Status
from shared.errors import InvalidInput, NotFound, Unavailable

MAX_CHANNELS = 1000
_AT_ONCE = 8


def require_few(channel_ids: Sequence[UUID]) -> None:
    """Each channel is looked up by itself; raises InvalidInput."""
    if len(channel_ids) > MAX_CHANNELS:
        raise InvalidInput(f"more than {MAX_CHANNELS} channels")


async def visible_channels(
    things: UsersThings, token: str, channel_ids: Sequence[UUID], moment: datetime
) -> list[Channel]:
    """Copies of channels that take part.

    Args:
        moment: Before this look-up.

    Raises:
        ChannelsNotVisible: One does not exist for the caller, or is disabled.
        ThingsUnavailable: Things does not answer.
    """
    places = asyncio.Semaphore(_AT_ONCE)

    async def look_up(channel_id: UUID) -> Channel:
        async with places:
            body = await things.view_channel(token, channel_id)
        if body.status != Status.ENABLED:
            raise ChannelsNotVisible
        return Channel(id=body.id, name=body.name, metadata=body.metadata, seen_at=moment)

    tasks = [asyncio.create_task(look_up(channel_id)) for channel_id in channel_ids]
    try:
        return list(await asyncio.gather(*tasks))
    except NotFound:
        raise ChannelsNotVisible from None
    except Unavailable:
        raise ThingsUnavailable from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
