"""What provision does when others take parts of a mapping away."""

from __future__ import annotations

from services.provision.ports import Journal
from shared.contracts.bootstrap import ConfigDeleted
from shared.contracts.things import ThingDeleted, ThingDisabled
from shared.events.consumer import Reactions

DURABLE = "provision"


def reactions(journal: Journal) -> Reactions:
    """A mapping whose thing or config is gone is broken; its external id is free."""

    async def thing_disabled(event: ThingDisabled) -> None:
        await journal.mark_things_gone([event.thing_id])

    async def thing_deleted(event: ThingDeleted) -> None:
        await journal.mark_things_gone(event.thing_ids)

    async def config_deleted(event: ConfigDeleted) -> None:
        await journal.mark_things_gone([event.thing_id])

    table = Reactions()
    table.on(ThingDisabled, thing_disabled)
    table.on(ThingDeleted, thing_deleted)
    table.on(ConfigDeleted, config_deleted)
    return table
