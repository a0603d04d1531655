"""Channels in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from services.things.domain import Channel, ChannelChange, Family, Filter, Reach, UnknownParent
from services.things.repository.listing import (
    CHANNELS,
    THINGS,
    connected_statement,
    family_statement,
    list_statement,
)
from services.things.repository.rows import Row, channel_arrays, channel_of, taken
from shared.contracts.common import Status
from shared.contracts.events import Event
from shared.contracts.things_events import (
    ChannelCreated,
    ChannelDeleted,
    ChannelDisabled,
    ChannelEnabled,
    ChannelUpdated,
)
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ChannelRepository:
    """See ChannelStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, channels: Sequence[Channel]) -> None:
        owner_id = channels[0].owner_id
        try:
            await self._outbox.fetch(
                """
                WITH changed AS (
                    INSERT INTO channels (id, owner_id, parent_id, name, description, metadata,
                                          created_at, updated_at, status)
                    SELECT made.id, $1, made.parent_id, made.name, made.description,
                           made.metadata, made.created_at, made.created_at, made.status
                    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[],
                                $7::timestamptz[], $8::text[])
                        AS made (id, parent_id, name, description, metadata, created_at, status)
                    RETURNING id
                ){announcing}
                SELECT FROM changed LIMIT 0
                """,
                owner_id,
                *channel_arrays(channels),
                event=ChannelCreated(
                    owner_id=owner_id, channel_ids=[channel.id for channel in channels]
                ),
            )
        except asyncpg.UniqueViolationError as error:
            raise taken(error) from None
        except asyncpg.ForeignKeyViolationError:
            raise UnknownParent from None

    async def find(self, channel_id: UUID) -> Channel | None:
        return next(iter(await self.find_many([channel_id])), None)

    async def find_many(self, channel_ids: Collection[UUID]) -> list[Channel]:
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            SELECT id, owner_id, parent_id, name, description, metadata, created_at, updated_at,
                   updated_by, status
            FROM channels
            WHERE id = ANY ((SELECT $1::uuid[])::uuid[])
            """,
            list(channel_ids),
        )
        return [channel_of(row) for row in rows]

    async def list_page(
        self, reach: Reach, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        text, arguments = list_statement(CHANNELS, reach, wanted, page)
        return _page(await self._database.fetch(text, *arguments))

    async def list_family(
        self, reach: Reach, family: Family, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        text, arguments = family_statement(CHANNELS, reach, family, wanted, page)
        rows = await self._database.fetch(text, *arguments)
        total, channels = _page(rows)
        return total, [
            msgspec.structs.replace(channel, level=row["level"], path=row["path"])
            for channel, row in zip(channels, rows, strict=bool(channels))
        ]

    async def list_connected(
        self, thing_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        text, arguments = connected_statement(CHANNELS, THINGS, thing_id, wanted, page)
        return _page(await self._database.fetch(text, *arguments))

    async def update(
        self, channel_id: UUID, change: ChannelChange, *, changed_at: datetime, changed_by: UUID
    ) -> Channel | None:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE channels
                SET name = coalesce($4, name), description = coalesce($5, description),
                    metadata = coalesce($6, metadata), updated_at = $2, updated_by = $3
                WHERE id = $1 AND status = 'enabled'
                RETURNING id, owner_id, parent_id, name, description, metadata, created_at,
                          updated_at, updated_by, status
            ){announcing}
            SELECT id, owner_id, parent_id, name, description, metadata, created_at, updated_at,
                   updated_by, status
            FROM changed
            """,
            channel_id,
            changed_at,
            changed_by,
            change.name,
            change.description,
            change.metadata,
            event=ChannelUpdated(channel_id=channel_id, members=change.members),
        )
        return None if row is None else channel_of(row)

    async def update_status(
        self, channel_id: UUID, status: Status, *, changed_at: datetime, changed_by: UUID
    ) -> Channel | None:
        event: Event = (
            ChannelEnabled(channel_id=channel_id)
            if status is Status.ENABLED
            else ChannelDisabled(channel_id=channel_id)
        )
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE channels
                SET status = $4, updated_at = $2, updated_by = $3
                WHERE id = $1 AND status <> $4
                RETURNING id, owner_id, parent_id, name, description, metadata, created_at,
                          updated_at, updated_by, status
            ){announcing}
            SELECT id, owner_id, parent_id, name, description, metadata, created_at, updated_at,
                   updated_by, status
            FROM changed
            """,
            channel_id,
            changed_at,
            changed_by,
            status,
            event=event,
        )
        return None if row is None else channel_of(row)

    async def delete(self, channel_id: UUID) -> bool:
        rows = await self._outbox.fetch(
            """
            WITH changed AS (DELETE FROM channels WHERE id = $1 RETURNING id){announcing}
            SELECT id FROM changed
            """,
            channel_id,
            event=ChannelDeleted(channel_ids=[channel_id]),
        )
        return bool(rows)


def _page(rows: Sequence[Row]) -> tuple[int, list[Channel]]:
    return rows[0]["total"], [channel_of(row) for row in rows if row["id"] is not None]
