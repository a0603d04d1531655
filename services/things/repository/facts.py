"""What decides whether a device may talk: remembered for a while, in PostgreSQL otherwise.

Small facts with a key each, so that a change drops exactly what it changed: which thing has a
secret is checked against the thing's own fact, and what a thing may do in a channel against the
thing's and the channel's birth, because a deleted id may be used again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from services.things.repository.secrets import ThingSecrets
from shared.cache import InvalidatedCache
from shared.coalescing import Coalescer
from shared.contracts.facts import channel_fact, connection_fact, thing_fact
from shared.postgres.pool import Database


class _Thing(Struct, frozen=True):
    """An enabled thing."""

    secret_fingerprint: bytes
    created_at: datetime


class _Connection(Struct, frozen=True):
    """What a thing may do in a channel, and the births of both."""

    actions: frozenset[str]
    thing_created_at: datetime
    channel_created_at: datetime


class CachedFacts:
    """See Facts."""

    def __init__(
        self, database: Database, secrets: ThingSecrets, cache: InvalidatedCache[Any]
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._cache = cache
        self._ids: Coalescer[None, bytes, UUID | None] = Coalescer(self._load_ids)
        self._things: Coalescer[None, UUID, _Thing | None] = Coalescer(self._load_things)

    async def find_thing(self, secret: str) -> UUID | None:
        fingerprint = self._secrets.fingerprint(secret)
        key = f"secret:{fingerprint.hex()}"
        thing_id: UUID | None = await self._cache.get(
            key, lambda: self._ids.call(None, fingerprint)
        )
        if thing_id is None:
            return None
        thing = await self._thing(thing_id)
        if thing is not None and thing.secret_fingerprint == fingerprint:
            return thing_id
        self._cache.forget([key])  # the thing has another secret by now, this one another thing
        return await self._ids.call(None, fingerprint)

    async def is_enabled(self, thing_id: UUID) -> bool:
        return await self._thing(thing_id) is not None

    async def find_actions(self, thing_id: UUID, channel_id: UUID) -> Collection[str]:
        thing, channel_created_at = await self._thing(thing_id), await self._channel(channel_id)
        if thing is None or channel_created_at is None:
            return ()
        key = connection_fact(thing_id, channel_id)
        for _ in range(2):
            connection: _Connection | None = await self._cache.get(
                key, lambda: self._load_connection(thing_id, channel_id)
            )
            if connection is None:
                return ()
            births = (connection.thing_created_at, connection.channel_created_at)
            if births == (thing.created_at, channel_created_at):
                return connection.actions
            self._cache.forget([key])
        return ()

    async def forget(
        self,
        *,
        thing_ids: Iterable[UUID] = (),
        channel_ids: Iterable[UUID] = (),
        pairs: Iterable[tuple[UUID, UUID]] = (),
    ) -> None:
        keys = [
            *map(thing_fact, thing_ids),
            *map(channel_fact, channel_ids),
            *(connection_fact(thing_id, channel_id) for thing_id, channel_id in pairs),
        ]
        if keys:
            await self._cache.drop(keys)

    async def _thing(self, thing_id: UUID) -> _Thing | None:
        thing: _Thing | None = await self._cache.get(
            thing_fact(thing_id), lambda: self._things.call(None, thing_id)
        )
        return thing

    async def _channel(self, channel_id: UUID) -> datetime | None:
        created_at: datetime | None = await self._cache.get(
            channel_fact(channel_id), lambda: self._load_channel(channel_id)
        )
        return created_at

    async def _load_ids(self, _: None, fingerprints: Sequence[bytes]) -> list[UUID | None]:
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            SELECT secret_fingerprint, id
            FROM things
            WHERE secret_fingerprint = ANY ((SELECT $1::bytea[])::bytea[]) AND status = 'enabled'
            """,
            fingerprints,
        )
        ids = {row["secret_fingerprint"]: row["id"] for row in rows}
        return [ids.get(fingerprint) for fingerprint in fingerprints]

    async def _load_things(self, _: None, thing_ids: Sequence[UUID]) -> list[_Thing | None]:
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            SELECT id, secret_fingerprint, created_at
            FROM things
            WHERE id = ANY ((SELECT $1::uuid[])::uuid[]) AND status = 'enabled'
            """,
            thing_ids,
        )
        things = {row["id"]: _Thing(row["secret_fingerprint"], row["created_at"]) for row in rows}
        return [things.get(thing_id) for thing_id in thing_ids]

    async def _load_channel(self, channel_id: UUID) -> datetime | None:
        created_at: datetime | None = await self._database.fetchval(
            "SELECT created_at FROM channels WHERE id = $1 AND status = 'enabled'", channel_id
        )
        return created_at

    async def _load_connection(self, thing_id: UUID, channel_id: UUID) -> _Connection | None:
        row = await self._database.fetchrow(
            """
            SELECT connections.actions, things.created_at AS thing_created_at,
                   channels.created_at AS channel_created_at
            FROM connections
            JOIN things ON things.id = connections.thing_id
            JOIN channels ON channels.id = connections.channel_id
            WHERE connections.thing_id = $1 AND connections.channel_id = $2
            """,
            thing_id,
            channel_id,
        )
        if row is None:
            return None
        return _Connection(
            frozenset(row["actions"]), row["thing_created_at"], row["channel_created_at"]
        )
