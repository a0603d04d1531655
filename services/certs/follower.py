"""Events of things that concern certificates."""

from __future__ import annotations

from datetime import datetime

from services.certs.service.following import FollowingService
from shared.contracts.things_events import (
    ThingDeleted,
    ThingDisabled,
    ThingOwnerChanged,
)
from shared.events.consumer import Reactions

DURABLE = "certs"


def reactions(service: FollowingService) -> Reactions:
    """Which rule each event sets off."""

    async def thing_disabled(event: ThingDisabled, occurred_at: datetime) -> None:
        await service.thing_disabled(event.thing_id, occurred_at)

    async def things_deleted(event: ThingDeleted, occurred_at: datetime) -> None:
        await service.things_deleted(event.thing_ids, occurred_at)

    async def owner_changed(event: ThingOwnerChanged) -> None:
        await service.thing_given_away(event.thing_id, event.owner_id)

    table = Reactions()
    table.on_dated(ThingDisabled, thing_disabled)
    table.on_dated(ThingDeleted, things_deleted)
    table.on(ThingOwnerChanged, owner_changed)
    return table
