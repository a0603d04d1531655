"""The journal as people look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from services.provision.domain import MappingRecord, MappingStatus, RecordFilter, StepReport
from shared.coalescing import Coalescer
from shared.http.paging import Page
from shared.postgres import owners
from shared.postgres.pool import Database


class PostgresRecords:
    """Implements `ports.Records`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks: Coalescer[None, tuple[UUID, str], MappingRecord | None] = Coalescer(
            self._find_all_newest
        )

    async def list_page(
        self, owner_id: UUID, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        """See Records."""
        text, arguments = owners.page_statement(
            "mappings",
            "id",
            "id, external_id, name, layout, status, reason, thing_ids, channel_ids, steps, "
            "created_at, updated_at",
            owner_id,
            _narrowing(wanted),
            page,
        )
        rows = await self._database.fetch(text, *arguments)
        return rows[0]["total"], [_record(row) for row in rows if row["id"] is not None]

    async def find_newest(self, owner_id: UUID, external_id: str) -> MappingRecord | None:
        """See Records."""
        return await self._looks.call(None, (owner_id, external_id))

    async def _find_all_newest(
        self, _: None, wanted: Sequence[tuple[UUID, str]]
    ) -> list[MappingRecord | None]:
        """Those asked for at the same moment together."""
        rows = await self._database.fetch(
            # OFFSET 0: read by the gateway alone. With old statistics or none PostgreSQL takes the
            # owner for as narrow, and may go over all that he has. Planned once: ADR 19.
            """
            SELECT wanted.place, newest.id, newest.external_id, newest.name, newest.layout,
                   newest.status, newest.reason, newest.thing_ids, newest.channel_ids,
                   newest.steps, newest.created_at, newest.updated_at
            FROM unnest((SELECT $1::uuid[]), $2::text[])
                WITH ORDINALITY AS wanted (owner_id, external_id, place)
            CROSS JOIN LATERAL (
                SELECT of_gateway.*
                FROM (
                    SELECT * FROM mappings WHERE external_id = wanted.external_id OFFSET 0
                ) AS of_gateway
                WHERE of_gateway.owner_id = wanted.owner_id
                ORDER BY status IN ('undone', 'deleted'), created_at DESC
                LIMIT 1
            ) AS newest
            """,
            [owner_id for owner_id, _ in wanted],
            [external_id for _, external_id in wanted],
        )
        found = {row["place"]: _record(row) for row in rows}
        return [found.get(place) for place in range(1, len(wanted) + 1)]


def _narrowing(wanted: RecordFilter) -> list[tuple[str, Any]]:
    """Only the conditions that narrow, so that each kind of list gets a plan of its own."""
    narrowing: list[tuple[str, Any]] = []
    if wanted.status is not None:
        narrowing.append(("status = {}", wanted.status))
    if wanted.external_id is not None:
        narrowing.append(("external_id = {}", wanted.external_id))
    if wanted.since is not None:
        narrowing.append(("updated_at >= {}", wanted.since))
    return narrowing


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
