"""The journal as people look at it."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

from services.provision.domain import MappingRecord, MappingStatus, RecordFilter, StepReport
from shared.http.paging import Page
from shared.postgres.pool import Database


class PostgresRecords:
    """Implements `ports.Records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_page(
        self, owner_id: UUID, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        """See Records."""
        rows = await self._database.fetch(
            """
            WITH page AS (
                SELECT id, external_id, name, layout, status, reason, thing_ids, channel_ids,
                       steps, created_at, updated_at
                FROM mappings
                WHERE owner_id = $1
                  AND ($2::text IS NULL OR status = $2)
                  AND ($3::text IS NULL OR external_id = $3)
                  AND ($4::timestamptz IS NULL OR updated_at >= $4)
                ORDER BY created_at, id
                OFFSET $5 LIMIT $6
            ), matches AS (
                SELECT count(*) AS total
                FROM mappings
                WHERE owner_id = $1
                  AND ($2::text IS NULL OR status = $2)
                  AND ($3::text IS NULL OR external_id = $3)
                  AND ($4::timestamptz IS NULL OR updated_at >= $4)
            )
            SELECT matches.total, page.id, page.external_id, page.name, page.layout, page.status,
                   page.reason, page.thing_ids, page.channel_ids, page.steps, page.created_at,
                   page.updated_at
            FROM matches LEFT JOIN page ON true
            ORDER BY page.created_at, page.id
            """,
            owner_id,
            wanted.status,
            wanted.external_id,
            wanted.since,
            page.offset,
            page.limit,
        )
        return rows[0]["total"], [_record(row) for row in rows if row["id"] is not None]

    async def find_newest(self, owner_id: UUID, external_id: str) -> MappingRecord | None:
        """See Records."""
        row = await self._database.fetchrow(
            """
            SELECT id, external_id, name, layout, status, reason, thing_ids, channel_ids, steps,
                   created_at, updated_at
            FROM mappings
            WHERE external_id = $2 AND owner_id = $1
            ORDER BY status IN ('undone', 'deleted'), created_at DESC
            LIMIT 1
            """,
            owner_id,
            external_id,
        )
        return None if row is None else _record(row)


def _record(row: asyncpg.Record) -> MappingRecord:
    return MappingRecord(
        id=row["id"],
        external_id=row["external_id"],
        name=row["name"],
        layout=row["layout"],
        status=MappingStatus(row["status"]),
        reason=row["reason"],
        thing_ids=row["thing_ids"],
        channel_ids=row["channel_ids"],
        steps=msgspec.convert(row["steps"], list[StepReport]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
