"""Things in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.things.domain import Filter, Reach, SecretTaken, Thing, ThingChange
from services.things.repository.anchors import AnchorRepository
from services.things.repository.listing import (
    ANCHORED_FROM,
    CHANNELS,
    THINGS,
    connected_statement,
    deep_statement,
    list_statement,
)
from services.things.repository.rows import Row, taken, thing_arrays, thing_of
from services.things.repository.secrets import ThingSecrets
from shared.coalescing import Coalescer
from shared.contracts.common import Status
from shared.contracts.events import Event
from shared.contracts.things_events import (
    ThingCreated,
    ThingDeleted,
    ThingDisabled,
    ThingEnabled,
    ThingOwnerChanged,
    ThingSecretChanged,
    ThingUpdated,
)
from shared.http.paging import Page
from shared.postgres.outbox import Announcement, Outbox, announcement
from shared.postgres.pool import Database

_INSERT = """
    INSERT INTO things (id, owner_id, name, tags, secret, secret_fingerprint, metadata, created_at,
                        updated_at, status)
    SELECT made.id, made.owner_id, made.name, made.tags::text[], made.secret,
           made.secret_fingerprint, made.metadata, made.created_at, made.created_at, made.status
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[],
                $7::jsonb[], $8::timestamptz[], $9::text[])
        AS made (owner_id, id, name, tags, secret, secret_fingerprint, metadata, created_at, status)
"""


class ThingRepository:
    """See ThingStore."""

    def __init__(self, database: Database, outbox: Outbox, secrets: ThingSecrets) -> None:
        self._database = database
        self._outbox = outbox
        self._secrets = secrets
        self._anchors = AnchorRepository(database)
        self._inserts: Coalescer[None, tuple[Thing, Announcement], bool] = Coalescer(
            self._insert_each
        )
        self._finds: Coalescer[None, UUID, Thing | None] = Coalescer(self._find_each)

    async def insert(self, things: Sequence[Thing]) -> None:
        owner_id = things[0].owner_id
        event = ThingCreated(owner_id=owner_id, thing_ids=[thing.id for thing in things])
        try:
            if len(things) == 1 and await self._inserts.call(
                None, (things[0], announcement(event))
            ):
                return
            await self._outbox.fetch(
                f"""
                WITH changed AS (
                    {_INSERT} RETURNING id
                ){{announcing}}
                SELECT FROM changed LIMIT 0
                """,
                [owner_id] * len(things),
                *thing_arrays(things, self._secrets),
                event=event,
            )
        except asyncpg.UniqueViolationError as error:
            raise taken(error) from None

    async def _insert_each(self, _: None, made: Sequence[tuple[Thing, Announcement]]) -> list[bool]:
        """Make things that have nothing to do with each other; who loses to another is told so."""
        first = {thing.id: (thing, told) for thing, told in reversed(made)}
        things = [thing for thing, _ in first.values()]
        rows = await self._outbox.fetch_each(
            f"""
            WITH changed AS (
                {_INSERT} ON CONFLICT DO NOTHING RETURNING id AS key
            ){{announcing}}
            SELECT key FROM changed
            """,  # noqa: S608 - a text of ours
            [thing.owner_id for thing in things],
            *thing_arrays(things, self._secrets),
            told={thing.id: told for thing, told in first.values()},
        )
        inserted = {row["key"] for row in rows}
        return [thing.id in inserted and first[thing.id][0] is thing for thing, _ in made]

    async def find(self, thing_id: UUID) -> Thing | None:
        return await self._finds.call(None, thing_id)

    async def _find_each(self, _: None, thing_ids: Sequence[UUID]) -> list[Thing | None]:
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            SELECT id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by,
                   status
            FROM things
            WHERE id = ANY ((SELECT $1::uuid[])::uuid[])
            """,
            thing_ids,
        )
        found = {row["id"]: thing_of(row, self._secrets) for row in rows}
        return [found.get(thing_id) for thing_id in thing_ids]

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
        text, arguments = connected_statement(THINGS, CHANNELS, channel_id, wanted, page)
        return self._page(await self._database.fetch(text, *arguments))

    async def update(
        self, seen: Thing, change: ThingChange, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        return await self._update(
            seen,
            "name = coalesce($5, name), tags = coalesce($6, tags), "
            "metadata = coalesce($7, metadata)",
            change.name,
            change.tags,
            change.metadata,
            changed_at=changed_at,
            changed_by=changed_by,
            event=ThingUpdated(thing_id=seen.id, members=change.members),
        )

    async def update_secret(
        self, seen: Thing, secret: str, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        try:
            return await self._update(
                seen,
                "secret = $5, secret_fingerprint = $6",
                self._secrets.seal(seen.id, secret),
                self._secrets.fingerprint(secret),
                changed_at=changed_at,
                changed_by=changed_by,
                event=ThingSecretChanged(thing_id=seen.id),
            )
        except asyncpg.UniqueViolationError:
            raise SecretTaken from None

    async def update_owner(
        self, seen: Thing, owner_id: UUID, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        return await self._update(
            seen,
            "owner_id = $5",
            owner_id,
            changed_at=changed_at,
            changed_by=changed_by,
            event=ThingOwnerChanged(thing_id=seen.id, owner_id=owner_id),
        )

    async def update_status(
        self, seen: Thing, status: Status, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        event: Event = (
            ThingEnabled(thing_id=seen.id)
            if status is Status.ENABLED
            else ThingDisabled(thing_id=seen.id)
        )
        return await self._update(
            seen,
            "status = $5",
            status,
            changed_at=changed_at,
            changed_by=changed_by,
            event=event,
            condition="status <> $5",
        )

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

    async def _update(
        self,
        seen: Thing,
        assigned: str,
        *values: Any,
        changed_at: datetime,
        changed_by: UUID,
        event: Event,
        condition: str = "status = 'enabled'",
    ) -> Thing | None:
        """Change a thing if it has the same owner still; the values are $5 and on."""
        row = await self._outbox.fetchrow(
            f"""
            WITH changed AS (
                UPDATE things
                SET {assigned}, updated_at = $3, updated_by = $4
                WHERE id = $1 AND owner_id = $2 AND {condition}
                RETURNING {THINGS.columns}
            ){{announcing}}
            SELECT {THINGS.columns} FROM changed
            """,  # noqa: S608 - texts of ours
            seen.id,
            seen.owner_id,
            changed_at,
            changed_by,
            *values,
            event=event,
        )
        return None if row is None else thing_of(row, self._secrets)

    def _page(self, rows: Sequence[Row]) -> tuple[int, list[Thing]]:
        return rows[0]["total"], [
            thing_of(row, self._secrets) for row in rows if row["id"] is not None
        ]
