"""The journal as people look at it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from services.provision.domain import MappingRecord, MappingStatus, RecordFilter, StepReport
from shared.http.paging import Page
from shared.postgres import owners
from shared.postgres.pool import Database

_COLUMNS = (
    "id, external_id, name, layout, status, reason, thing_ids, channel_ids, steps, created_at, "
    "updated_at"
)


class PostgresRecords:
    """Implements `ports.Records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_page(
        self, owner_id: UUID, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        """See Records."""
        text, arguments = owners.page_statement(
            "mappings", "id", _COLUMNS, owner_id, _narrowing(wanted), page
        )
        rows = await self._database.fetch(text, *arguments)
        return rows[0]["total"], [_record(row) for row in rows if row["id"] is not None]

    async def find_newest(self, owner_id: UUID, external_id: str) -> MappingRecord | None:
        """See Records."""
        row = await self._database.fetchrow(
            f"""
            SELECT {_COLUMNS}
            FROM mappings
            WHERE external_id = $2 AND owner_id = $1
            ORDER BY status IN ('undone', 'deleted'), created_at DESC
            LIMIT 1
            """,  # noqa: S608 - names of ours
            owner_id,
            external_id,
        )
        return None if row is None else _record(row)


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
