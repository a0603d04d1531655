"""Things' decisions on who may publish, remembered until they change.

Things announces to all caches what a change is about: a thing, a channel, or a thing in a channel.
A decision stands on all three, so it goes with any of them.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from shared.cache import InvalidatedCache
from shared.clients.things import ThingsClient
from shared.contracts.facts import channel_fact, connection_fact, thing_fact
from shared.errors import Forbidden, NotFound

PUBLISH = "m_write"
# Another process of things may hear of a change this much later than we do.
SETTLE_SECONDS = 0.2


class CachedAccess:
    """See Access."""

    def __init__(self, things: ThingsClient, cache: InvalidatedCache[UUID]) -> None:
        self._things = things
        self._cache = cache

    async def find_publisher(self, key: str, channel_id: str) -> UUID | None:
        if not _can_be_key(key):
            return None
        digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        return await self._cache.get(
            f"{digest}:{channel_id}",
            lambda: self._ask(key, UUID(channel_id)),
            lambda thing_id: _facts(thing_id, UUID(channel_id)),
        )

    async def _ask(self, key: str, channel_id: UUID) -> UUID | None:
        try:
            return await self._things.check_access(key, channel_id, PUBLISH)
        except (Forbidden, NotFound):
            return None


def _facts(thing_id: UUID, channel_id: UUID) -> tuple[str, ...]:
    """What a permission stands on."""
    return thing_fact(thing_id), channel_fact(channel_id), connection_fact(thing_id, channel_id)


def _can_be_key(key: str) -> bool:
    """Whether a thing may have such a secret: text that JSON and the database can hold."""
    try:
        return b"\0" not in key.encode()
    except UnicodeEncodeError:
        return False
