"""Connections in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from services.things.domain import Connection, Owners, Pairs
from services.things.repository.rows import connection_of
from shared.contracts.things_events import (
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionUpdated,
)
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ConnectionRepository:
    """See ConnectionStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def find_owners(
        self, thing_ids: Collection[UUID], channel_ids: Collection[UUID]
    ) -> Owners:
        rows = await self._database.fetch(
            """
            SELECT true AS is_thing, id, owner_id FROM things WHERE id = ANY ($1::uuid[])
            UNION ALL
            SELECT false, id, owner_id FROM channels WHERE id = ANY ($2::uuid[])
            """,
            list(thing_ids),
            list(channel_ids),
        )
        return Owners(
            things={row["id"]: row["owner_id"] for row in rows if row["is_thing"]},
            channels={row["id"]: row["owner_id"] for row in rows if not row["is_thing"]},
        )

    async def upsert(
        self, pairs: Pairs, actions: list[str], *, connected_at: datetime, connected_by: UUID
    ) -> list[Connection] | None:
        try:
            # Sorted, so that calls which overlap wait for each other instead of deadlocking.
            rows = await self._outbox.fetch(
                """
                WITH written AS (
                    INSERT INTO connections (thing_id, channel_id, owner_id, actions, created_at,
                                             updated_at)
                    SELECT thing_id, channel_id, $5, $3, $4, $4
                    FROM unnest($1::uuid[]) AS thing_id, unnest($2::uuid[]) AS channel_id
                    ORDER BY thing_id, channel_id
                    ON CONFLICT (thing_id, channel_id) DO UPDATE
                    SET actions = excluded.actions, updated_at = excluded.updated_at,
                        updated_by = $5
                    RETURNING thing_id, channel_id, owner_id, actions, created_at, updated_at,
                              updated_by, xmax = 0 AS is_new
                ), changed AS (
                    SELECT FROM written WHERE is_new
                ), changed_otherwise AS (
                    SELECT FROM written WHERE NOT EXISTS (SELECT FROM changed)
                ){announcing}
                SELECT thing_id, channel_id, owner_id, actions, created_at, updated_at, updated_by
                FROM written
                ORDER BY array_position($1, thing_id), array_position($2, channel_id)
                """,
                pairs.thing_ids,
                pairs.channel_ids,
                actions,
                connected_at,
                connected_by,
                event=ConnectionCreated(thing_ids=pairs.thing_ids, channel_ids=pairs.channel_ids),
                otherwise=ConnectionUpdated(
                    thing_ids=pairs.thing_ids, channel_ids=pairs.channel_ids
                ),
            )
        except asyncpg.ForeignKeyViolationError:
            return None
        return [connection_of(row, row["thing_id"]) for row in rows]

    async def find(self, thing_id: UUID, channel_id: UUID) -> Connection | None:
        row = await self._database.fetchrow(
            """
            SELECT thing_id, channel_id, owner_id, actions, created_at, updated_at, updated_by
            FROM connections
            WHERE thing_id = $1 AND channel_id = $2
            """,
            thing_id,
            channel_id,
        )
        return None if row is None else connection_of(row, thing_id)

    async def find_makers(self, pairs: Pairs) -> dict[tuple[UUID, UUID], UUID]:
        rows = await self._database.fetch(
            """
            SELECT thing_id, channel_id, owner_id
            FROM connections
            WHERE thing_id = ANY ($1::uuid[]) AND channel_id = ANY ($2::uuid[])
            """,
            pairs.thing_ids,
            pairs.channel_ids,
        )
        return {(row["thing_id"], row["channel_id"]): row["owner_id"] for row in rows}

    async def update(
        self,
        thing_id: UUID,
        channel_id: UUID,
        actions: list[str],
        *,
        changed_at: datetime,
        changed_by: UUID,
    ) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE connections
                SET actions = $3, updated_at = $4, updated_by = $5
                WHERE thing_id = $1 AND channel_id = $2
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            thing_id,
            channel_id,
            actions,
            changed_at,
            changed_by,
            event=ConnectionUpdated(thing_ids=[thing_id], channel_ids=[channel_id]),
        )
        return row is not None

    async def delete(self, pairs: Pairs) -> bool:
        rows = await self._outbox.fetch(
            """
            WITH connected AS (
                SELECT thing_id, channel_id
                FROM connections
                WHERE thing_id = ANY ($1::uuid[]) AND channel_id = ANY ($2::uuid[])
                ORDER BY thing_id, channel_id
                FOR UPDATE
            ), changed AS (
                DELETE FROM connections
                USING connected
                WHERE connections.thing_id = connected.thing_id
                  AND connections.channel_id = connected.channel_id
                  AND (SELECT count(*) FROM connected) = $3
                RETURNING connections.thing_id
            ){announcing}
            SELECT thing_id FROM changed LIMIT 1
            """,
            pairs.thing_ids,
            pairs.channel_ids,
            pairs.count,
            event=ConnectionDeleted(thing_ids=pairs.thing_ids, channel_ids=pairs.channel_ids),
        )
        return bool(rows)
