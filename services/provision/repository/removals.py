"""The two writes that every mapping's end needs, for many mappings in one statement.

As claims and closes are (`groups.py`): mappings that are taken back at the same time share a
commit, and whatever fails for a group is repeated one by one. Rows are locked in the order of their
ids, because leases of the same mappings are extended meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
from msgspec import Struct

from shared.coalescing import Coalescer
from shared.postgres.outbox import Announcement, Outbox
from shared.postgres.pool import Database


class Removal(Struct, frozen=True):
    """What its owner wants to be gone."""

    mapping_id: UUID
    keep_channels: bool


class Finished(Struct, frozen=True):
    """A mapping of which nothing is left, and what is told of it."""

    mapping_id: UUID
    announcement: Announcement


class GroupedRemovals:
    """Starts and finishes to take mappings back, those of the same moment together."""

    def __init__(self, database: Database, outbox: Outbox, lease: timedelta) -> None:
        self._database = database
        self._outbox = outbox
        self._lease = lease
        self._starts: Coalescer[None, Removal, asyncpg.Record | None] = Coalescer(self._start_all)
        self._finishes: Coalescer[None, Finished, None] = Coalescer(self._finish_all)

    async def start(self, removal: Removal) -> asyncpg.Record | None:
        """Begin with a mapping that is there; how it is to be taken back, None if it is not."""
        return await self._starts.call(None, removal)

    async def finish(self, finished: Finished) -> None:
        """Free a mapping's external id, and tell that it is gone."""
        await self._finishes.call(None, finished)

    async def _start_all(self, _: None, removals: Sequence[Removal]) -> list[asyncpg.Record | None]:
        keeping = {each.mapping_id: each.keep_channels for each in removals}
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            WITH held AS (
                SELECT id FROM mappings
                WHERE id = ANY ((SELECT $1::uuid[])::uuid[])
                  AND status IN ('active', 'broken')
                ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE mappings
            SET status = 'undoing', goal = 'deleted', reason = 'deleted',
                keep_channels = wanted.keep_channels, lease_until = now() + $3,
                updated_at = now()
            FROM held
            JOIN unnest((SELECT $1::uuid[]), $2::boolean[]) AS wanted (id, keep_channels)
                ON wanted.id = held.id
            WHERE mappings.id = held.id
            RETURNING mappings.id, owner_id, external_id, thing_ids, channel_ids, has_config,
                      has_certificates, goal, mappings.keep_channels
            """,
            list(keeping),
            list(keeping.values()),
            self._lease,
        )
        started = {row["id"]: row for row in rows}
        return [started.get(each.mapping_id) for each in removals]

    async def _finish_all(self, _: None, finished: Sequence[Finished]) -> list[None]:
        told = {each.mapping_id: each.announcement for each in finished}
        await self._outbox.fetch_each(
            # Planned once: ADR 19.
            """
            WITH held AS (
                SELECT id FROM mappings
                WHERE id = ANY ((SELECT $1::uuid[])::uuid[]) AND status IN ('undoing', 'stuck')
                ORDER BY id FOR UPDATE
            ), changed AS (
                UPDATE mappings
                SET status = goal, claim_key = NULL, sealed_plan = NULL, sealed_keys = NULL,
                    updated_at = now()
                FROM held
                WHERE mappings.id = held.id
                RETURNING mappings.id AS key, thing_ids
            ), forgotten AS (
                DELETE FROM mapping_things
                WHERE thing_id = ANY (ARRAY(SELECT unnest(thing_ids) FROM changed))
            ){announcing}
            SELECT key FROM changed
            """,
            list(told),
            told=told,
        )
        return [None] * len(finished)
