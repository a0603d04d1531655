"""Who is there."""

from __future__ import annotations

from uuid import UUID

from services.mqtt_auth.domain import Presence
from services.mqtt_auth.ports import Things
from services.mqtt_auth.service.roster import Roster
from shared.http.auth import Caller


class PresenceService:
    """Tells users about their things; things decides who may see one."""

    def __init__(self, things: Things, roster: Roster) -> None:
        self._things = things
        self._roster = roster

    async def show(self, caller: Caller, thing_id: UUID) -> Presence | None:
        """How a thing is connected; None if it is not.

        Raises:
            NotFound: Unknown, or hidden from the caller.
            Unavailable: Things or the broker does not answer.
        """
        await self._things.require_visible(caller.token, thing_id)
        return self._roster.presence(thing_id)
