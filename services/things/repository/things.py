"""Things in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.things.domain import Filter, Reach, SecretTaken, Thing, ThingChange
from services.things.repository.anchors import AnchorRepository
from services.things.repository.listing import (
    ANCHORED_FROM,
    THINGS,
    deep_statement,
    list_statement,
)
from services.things.repository.rows import Row, taken, thing_arrays, thing_of
from services.things.repository.secrets import ThingSecrets
from shared.contracts.common import Status
from shared.contracts.events import Event
from shared.contracts.things import (
    ThingCreated,
    ThingDeleted,
    ThingDisabled,
    ThingEnabled,
    ThingOwnerChanged,
    ThingSecretChanged,
    ThingUpdated,
)
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ThingRepository:
    """See ThingStore."""

    def __init__(self, database: Database, outbox: Outbox, secrets: ThingSecrets) -> None:
        self._database = database
        self._outbox = outbox
        self._secrets = secrets
        self._anchors = AnchorRepository(database)

    async def insert(self, things: Sequence[Thing]) -> None:
        owner_id = things[0].owner_id
        try:
            await self._outbox.fetch(
                """
                WITH changed AS (
                    INSERT INTO things (id, owner_id, name, tags, secret, secret_fingerprint,
                                        metadata, created_at, updated_at, status)
                    SELECT made.id, $1, made.name,
                           ARRAY(SELECT jsonb_array_elements_text(made.tags::jsonb)), made.secret,
                           made.secret_fingerprint, made.metadata, made.created_at,
                           made.created_at, made.status
                    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[],
                                $7::jsonb[], $8::timestamptz[], $9::text[])
                        AS made (id, name, tags, secret, secret_fingerprint, metadata,
                                 created_at, status)
                    RETURNING id
                ){announcing}
                SELECT FROM changed LIMIT 0
                """,
                owner_id,
                *thing_arrays(things, self._secrets),
                event=ThingCreated(owner_id=owner_id, thing_ids=[thing.id for thing in things]),
            )
        except asyncpg.UniqueViolationError as error:
            raise taken(error) from None

    async def find(self, thing_id: UUID) -> Thing | None:
        row = await self._database.fetchrow(
            """
            SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by,
                   status
            FROM things
            WHERE id = $1
            """,
            thing_id,
        )
        return self._thing(row)

    async def list_page(self, reach: Reach, wanted: Filter, page: Page) -> tuple[int, list[Thing]]:
        status = wanted.status
        if (
            page.offset >= ANCHORED_FROM
            and reach.owner_id is not None
            and reach.shared_with is None
            and wanted.is_by_status_alone
            and status is not None
        ):
            await self._anchors.extend(reach.owner_id, status, page.offset)
            text, arguments = deep_statement(THINGS, reach, status, page)
        else:
            text, arguments = list_statement(THINGS, reach, wanted, page)
        return self._page(await self._database.fetch(text, *arguments))

    async def list_connected(
        self, channel_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Thing]]:
        rows = await self._database.fetch(
            """
            WITH connected AS (
                SELECT things.id, things.owner_id, things.name, things.tags, things.secret,
                       things.metadata, things.created_at, things.updated_at, things.updated_by,
                       things.status
                FROM connections JOIN things ON things.id = connections.thing_id
                WHERE connections.channel_id = $1
                  AND ($2::jsonb IS NULL OR things.metadata @> $2)
                  AND ($3::text IS NULL OR things.status = $3)
            ), page AS (
                SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                       updated_by, status
                FROM connected
                ORDER BY created_at, id
                OFFSET $4 LIMIT $5
            ), matches AS (
                SELECT count(*) AS total FROM connected
            )
            SELECT matches.total, page.id, page.owner_id, page.name, page.tags, page.secret,
                   page.metadata, page.created_at, page.updated_at, page.updated_by, page.status
            FROM matches LEFT JOIN page ON true
            ORDER BY page.created_at, page.id
            """,
            channel_id,
            wanted.metadata,
            wanted.status,
            page.offset,
            page.limit,
        )
        return self._page(rows)

    async def update(
        self, seen: Thing, change: ThingChange, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE things
                SET name = coalesce($5, name), tags = coalesce($6, tags),
                    metadata = coalesce($7, metadata), updated_at = $3, updated_by = $4
                WHERE id = $1 AND owner_id = $2 AND status = 'enabled'
                RETURNING id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                          updated_by, status
            ){announcing}
            SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by,
                   status
            FROM changed
            """,
            seen.id,
            seen.owner_id,
            changed_at,
            changed_by,
            change.name,
            change.tags,
            change.metadata,
            event=ThingUpdated(thing_id=seen.id, members=change.members),
        )
        return self._thing(row)

    async def update_secret(
        self, seen: Thing, secret: str, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    UPDATE things
                    SET secret = $5, secret_fingerprint = $6, updated_at = $3, updated_by = $4
                    WHERE id = $1 AND owner_id = $2 AND status = 'enabled'
                    RETURNING id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                              updated_by, status
                ){announcing}
                SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                       updated_by, status
                FROM changed
                """,
                seen.id,
                seen.owner_id,
                changed_at,
                changed_by,
                self._secrets.seal(seen.id, secret),
                self._secrets.fingerprint(secret),
                event=ThingSecretChanged(thing_id=seen.id),
            )
        except asyncpg.UniqueViolationError:
            raise SecretTaken from None
        return self._thing(row)

    async def update_owner(
        self, seen: Thing, owner_id: UUID, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE things
                SET owner_id = $5, updated_at = $3, updated_by = $4
                WHERE id = $1 AND owner_id = $2 AND status = 'enabled'
                RETURNING id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                          updated_by, status
            ){announcing}
            SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by,
                   status
            FROM changed
            """,
            seen.id,
            seen.owner_id,
            changed_at,
            changed_by,
            owner_id,
            event=ThingOwnerChanged(thing_id=seen.id, owner_id=owner_id),
        )
        return self._thing(row)

    async def update_status(
        self, seen: Thing, status: Status, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        event: Event = (
            ThingEnabled(thing_id=seen.id)
            if status is Status.ENABLED
            else ThingDisabled(thing_id=seen.id)
        )
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE things
                SET status = $5, updated_at = $3, updated_by = $4
                WHERE id = $1 AND owner_id = $2 AND status <> $5
                RETURNING id, owner_id, name, tags, secret, metadata, created_at, updated_at,
                          updated_by, status
            ){announcing}
            SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by,
                   status
            FROM changed
            """,
            seen.id,
            seen.owner_id,
            changed_at,
            changed_by,
            status,
            event=event,
        )
        return self._thing(row)

    async def delete(self, seen: Thing) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM things WHERE id = $1 AND owner_id = $2 RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            seen.id,
            seen.owner_id,
            event=ThingDeleted(thing_ids=[seen.id]),
        )
        return row is not None

    def _thing(self, row: Row | None) -> Thing | None:
        return None if row is None else thing_of(row, self._secrets)

    def _page(self, rows: Sequence[Row]) -> tuple[int, list[Thing]]:
        return rows[0]["total"], [
            thing_of(row, self._secrets) for row in rows if row["id"] is not None
        ]
