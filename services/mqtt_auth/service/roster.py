"""Who is connected, who is just coming in, and which channels each was let into."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from services.mqtt_auth.domain import Link, Presence, Sighting
from shared.errors import Unavailable

Channels = Mapping[UUID, bool]
"""The channels of a device, and whether they were enabled when it was let in."""

# Longer than the broker waits for an answer: who has not appeared by then never will.
_ARRIVAL = timedelta(seconds=30)


class _Entry(Struct, frozen=True, kw_only=True):
    """A connection.

    Attributes:
        started_at: When it began, at the latest.
        channels: What it was let into, see `Channels`; None if nobody here knows.
        presence: None until the broker has told of it.
    """

    thing_id: UUID
    started_at: datetime
    channels: Channels | None = None
    presence: Presence | None = None


class Roster:
    """Kept by logins, by what the broker tells, and by its complete list now and then."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._entries: dict[Link, _Entry] = {}
        self._by_thing: dict[UUID, set[Link]] = {}
        self._arriving: OrderedDict[Link, datetime] = OrderedDict()
        self._overtaken: set[Link] = set()
        self._seen_since_snapshot: set[Link] = set()
        self._gone_since_snapshot: set[Link] = set()
        self._completed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries) - len(self._arriving)

    @property
    def is_complete(self) -> bool:
        """Whether the broker has ever told who is there."""
        return self._completed.is_set()

    async def until_complete(self) -> None:
        """Wait for it."""
        await self._completed.wait()

    def expect(self, link: Link, thing_id: UUID) -> None:
        """Somebody asks to be let in as this thing."""
        now = self._now()
        while self._arriving and next(iter(self._arriving.values())) < now - _ARRIVAL:
            self.remove(next(iter(self._arriving)))
        self._arriving[link] = now
        self._overtaken.discard(link)
        self._put(link, _Entry(thing_id=thing_id, started_at=now))

    def admit(self, link: Link, thing_id: UUID, channels: Channels) -> None:
        """He was let into these channels, perhaps by another process."""
        entry = self._entries.get(link)
        if entry is None:
            self.expect(link, thing_id)
            entry = self._entries[link]
        self._put(link, msgspec.structs.replace(entry, channels=channels))

    def arrived(self, sighting: Sighting) -> None:
        """The broker tells that he is in."""
        self._seen_since_snapshot.add(sighting.link)
        self._note(sighting)

    def remove(self, link: Link) -> None:
        """He is out, or was not let in."""
        self._gone_since_snapshot.add(link)
        self._arriving.pop(link, None)
        self._overtaken.discard(link)
        entry = self._entries.pop(link, None)
        if entry is None:
            return
        links = self._by_thing[entry.thing_id]
        links.discard(link)
        if not links:
            del self._by_thing[entry.thing_id]

    def begin_snapshot(self) -> None:
        """The broker is about to be asked for a complete list."""
        self._seen_since_snapshot.clear()
        self._gone_since_snapshot.clear()

    def finish_snapshot(self, sightings: Iterable[Sighting]) -> None:
        """Take over the list, but for what has been heard since it was asked for."""
        there = set()
        for sighting in sightings:
            there.add(sighting.link)
            if sighting.link not in self._gone_since_snapshot:
                self._note(sighting)
        there |= self._seen_since_snapshot | self._arriving.keys()
        for link in [link for link in self._entries if link not in there]:
            self.remove(link)
        self._completed.set()

    def presence(self, thing_id: UUID) -> Presence | None:
        """How a thing has been connected for the longest time; None if it is not.

        Raises:
            Unavailable: The broker has not told yet who is there.
        """
        if not self.is_complete:
            raise Unavailable("who is connected is not known yet")
        known = [
            entry.presence
            for link in self._by_thing.get(thing_id, ())
            if (entry := self._entries[link]).presence is not None
        ]
        return min(known, key=lambda presence: presence.since, default=None)

    def overtake(self, link: Link) -> bool:
        """News about somebody who is still being decided about; answers whether he is."""
        is_undecided = link in self._arriving and self._entries[link].channels is None
        if is_undecided:
            self._overtaken.add(link)
        return is_undecided

    def is_overtaken(self, link: Link) -> bool:
        """Whether there was news since he was expected, so that he has to be looked at again."""
        return link in self._overtaken

    def links_of(self, thing_ids: Iterable[UUID]) -> list[Link]:
        """Connections of things."""
        return [link for thing_id in thing_ids for link in self._by_thing.get(thing_id, ())]

    def all_links(self) -> list[Link]:
        """Every connection."""
        return list(self._entries)

    def began_before(self, link: Link, moment: datetime) -> bool:
        """Whether a connection is older than that."""
        return self._entries[link].started_at <= moment

    def is_known(self, link: Link) -> bool:
        """Whether it is known which channels a connection was let into, or still to be decided."""
        return link in self._arriving or self._entries[link].channels is not None

    def may_be_in(self, link: Link, channel_ids: Collection[UUID]) -> bool:
        """Whether a connection was let into any of these channels while it was enabled."""
        channels = self._entries[link].channels
        return channels is None or any(channels.get(each, False) for each in channel_ids)

    def may_wait_for(self, link: Link, channel_ids: Collection[UUID]) -> bool:
        """Whether a device is in any of these channels, which was not enabled when it came."""
        channels = self._entries[link].channels
        return channels is None or any(not channels.get(each, True) for each in channel_ids)

    def may_lack(self, link: Link, channel_ids: Collection[UUID]) -> bool:
        """Whether a connection does not know of all these channels."""
        channels = self._entries[link].channels
        return channels is None or any(each not in channels for each in channel_ids)

    def _note(self, sighting: Sighting) -> None:
        self._arriving.pop(sighting.link, None)
        entry = self._entries.get(sighting.link)
        if entry is None:
            entry = _Entry(thing_id=sighting.thing_id, started_at=sighting.presence.since)
        self._put(sighting.link, msgspec.structs.replace(entry, presence=sighting.presence))

    def _put(self, link: Link, entry: _Entry) -> None:
        self._entries[link] = entry
        self._by_thing.setdefault(entry.thing_id, set()).add(link)
