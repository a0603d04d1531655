"""What provision does when others take parts of a mapping away, or the gateway comes."""

from __future__ import annotations

from services.provision.ports import Journal
from shared.contracts.bootstrap import ConfigDeleted, ConfigFirstFetched
from shared.contracts.things_events import (
    ThingDeleted,
    ThingDisabled,
)
from shared.events.consumer import Reactions

DURABLE = "provision"


def reactions(journal: Journal) -> Reactions:
    """A mapping whose thing or config is gone is broken; one that was fetched needs no keys."""

    async def thing_disabled(event: ThingDisabled) -> None:
        await journal.mark_things_gone([event.thing_id])

    async def thing_deleted(event: ThingDeleted) -> None:
        await journal.mark_things_gone(event.thing_ids)

    async def config_deleted(event: ConfigDeleted) -> None:
        await journal.mark_things_gone([event.thing_id])

    async def config_fetched(event: ConfigFirstFetched) -> None:
        await journal.wipe_keys(event.thing_id)

    table = Reactions()
    table.on(ThingDisabled, thing_disabled)
    table.on(ThingDeleted, thing_deleted)
    table.on(ConfigDeleted, config_deleted)
    table.on(ConfigFirstFetched, config_fetched)
    return table
