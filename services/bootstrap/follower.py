"""Events of things that concern configs."""

from __future__ import annotations

from datetime import datetime

from services.bootstrap.service.following import FollowingService
from shared.contracts.things_events import (
    ChannelDeleted,
    ChannelDisabled,
    ChannelUpdated,
    ConnectionDeleted,
    ThingDeleted,
    ThingDisabled,
    ThingSecretChanged,
)
from shared.events.consumer import Reactions

DURABLE = "bootstrap"


def reactions(service: FollowingService) -> Reactions:
    """Which rule each event sets off."""

    async def thing_disabled(event: ThingDisabled, occurred_at: datetime) -> None:
        await service.forget_things([event.thing_id], disabled_at=occurred_at)

    async def things_deleted(event: ThingDeleted) -> None:
        await service.forget_things(event.thing_ids)

    async def secret_changed(event: ThingSecretChanged) -> None:
        await service.copy_secret(event.thing_id)

    async def channel_disabled(event: ChannelDisabled, occurred_at: datetime) -> None:
        await service.forget_channels([event.channel_id], disabled_at=occurred_at)

    async def channels_deleted(event: ChannelDeleted) -> None:
        await service.forget_channels(event.channel_ids)

    async def channel_updated(event: ChannelUpdated) -> None:
        await service.copy_channel(event.channel_id)

    async def disconnected(event: ConnectionDeleted, occurred_at: datetime) -> None:
        await service.notice_disconnection(event.thing_ids, event.channel_ids, occurred_at)

    table = Reactions()
    table.on_dated(ThingDisabled, thing_disabled)
    table.on(ThingDeleted, things_deleted)
    table.on(ThingSecretChanged, secret_changed)
    table.on_dated(ChannelDisabled, channel_disabled)
    table.on(ChannelDeleted, channels_deleted)
    table.on(ChannelUpdated, channel_updated)
    table.on_dated(ConnectionDeleted, disconnected)
    return table
