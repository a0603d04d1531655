"""What changes in things ends the connections that were let in before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.mqtt_auth.domain import Link
from services.mqtt_auth.ports import Door
from services.mqtt_auth.service.roster import Roster

# News is dated by the clock of another machine, and before its transaction ends.
_MARGIN = timedelta(seconds=60)


class ChangeService:
    """Puts out whom a change concerns; who comes back is let in by what counts then.

    Who came long after a change is left alone, and so is who was let in knowing of it. About whom
    nothing is known, because he came before this process did, is put out by any channel's change.
    Who is just being decided about is looked at again.
    """

    def __init__(self, roster: Roster, door: Door) -> None:
        self._roster = roster
        self._door = door

    async def shut_out(self, thing_ids: Collection[UUID], changed_at: datetime) -> None:
        """Things do not take part any longer, or have another secret; raises Unavailable."""
        await self._roster.until_complete()
        await self._put_out(self._roster.links_of(thing_ids), changed_at)

    async def connected(
        self, thing_ids: Collection[UUID], channel_ids: Collection[UUID], changed_at: datetime
    ) -> None:
        """Things are in further channels; raises Unavailable."""
        await self._roster.until_complete()
        links = self._roster.links_of(thing_ids)
        lacking = [link for link in links if self._roster.may_lack(link, channel_ids)]
        await self._put_out(self._later_unknown_left_out(lacking, changed_at), changed_at)

    async def disconnected(
        self, thing_ids: Collection[UUID], channel_ids: Collection[UUID], changed_at: datetime
    ) -> None:
        """Things may do something else in channels than before, or nothing; raises Unavailable."""
        await self._roster.until_complete()
        links = self._roster.links_of(thing_ids)
        inside = [link for link in links if self._roster.may_be_in(link, channel_ids)]
        await self._put_out(inside, changed_at)

    async def opened(self, channel_ids: Collection[UUID], changed_at: datetime) -> None:
        """Channels take part again; raises Unavailable."""
        await self._roster.until_complete()
        links = self._roster.all_links()
        waiting = [link for link in links if self._roster.may_wait_for(link, channel_ids)]
        await self._put_out(self._later_unknown_left_out(waiting, changed_at), changed_at)

    async def closed(self, channel_ids: Collection[UUID], changed_at: datetime) -> None:
        """Channels do not take part any longer; raises Unavailable."""
        await self._roster.until_complete()
        links = self._roster.all_links()
        inside = [link for link in links if self._roster.may_be_in(link, channel_ids)]
        await self._put_out(inside, changed_at)

    async def _put_out(self, links: Sequence[Link], changed_at: datetime) -> None:
        concerned = [
            link
            for link in links
            if self._roster.began_before(link, changed_at + _MARGIN)
            and not self._roster.overtake(link)
        ]
        if concerned:
            await self._door.put_out(concerned)

    def _later_unknown_left_out(self, links: Sequence[Link], changed_at: datetime) -> list[Link]:
        """For changes that take nothing away: no care is needed for who came after them."""
        return [
            link
            for link in links
            if self._roster.is_known(link) or self._roster.began_before(link, changed_at)
        ]
