"""Groups of users in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain.groups import (
    Group,
    GroupCycle,
    GroupFilter,
    GroupNameTaken,
    GroupNotFound,
    ParentNotFound,
)
from shared.contracts.common import JsonObject, Status
from shared.contracts.events import Event
from shared.contracts.users_events import GroupCreated, GroupDisabled, GroupEnabled, GroupUpdated
from shared.errors import StatusAlreadyAssigned
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database

_MOVING = 0x534D5133  # "SMQ3": two moves at once could close a circle that neither sees

# Where a list begins: everywhere, at a group and what is in it, or at a group and what it is in.
_EVERYWHERE = """
    SELECT id, 0 AS level, '' AS path FROM groups WHERE $1::uuid IS NULL AND $2::integer >= 0
"""
_DOWNWARDS = """
    SELECT id, 0 AS level, id::text AS path FROM groups WHERE id = $1::uuid
    UNION ALL
    SELECT groups.id, family.level + 1, family.path || '.' || groups.id
    FROM groups JOIN family ON groups.parent_id = family.id
    WHERE family.level < $2::integer
"""
_UPWARDS = """
    SELECT id, 0 AS level, '' AS path FROM groups WHERE id = $1::uuid
    UNION ALL
    SELECT groups.parent_id, family.level - 1, ''
    FROM groups JOIN family ON groups.id = family.id
    WHERE family.level > -$2::integer AND groups.parent_id IS NOT NULL
"""


class PostgresGroups:
    """See GroupStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, group: Group) -> None:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    INSERT INTO groups (
                        id, owner_id, parent_id, name, description, metadata, status, created_at,
                        updated_at
                    )
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                    ON CONFLICT (owner_id, name) DO NOTHING
                    RETURNING id
                ){announcing}
                SELECT id FROM changed
                """,
                group.id,
                group.owner_id,
                group.parent_id,
                group.name,
                group.description,
                group.metadata,
                group.status,
                group.created_at,
                group.updated_at,
                event=GroupCreated(group_id=group.id, owner_id=group.owner_id),
            )
        except asyncpg.ForeignKeyViolationError:
            raise ParentNotFound from None
        if row is None:
            raise GroupNameTaken

    async def find(self, group_id: UUID) -> Group | None:
        row = await self._database.fetchrow(
            """
            SELECT id, owner_id, parent_id, name, description, metadata, status, created_at,
                updated_at, updated_by
            FROM groups
            WHERE id = $1
            """,
            group_id,
        )
        return _group(row) if row is not None else None

    async def list_page(self, wanted: GroupFilter, page: Page) -> tuple[int, list[Group]]:
        family = _EVERYWHERE
        if wanted.root_id is not None:
            family = _UPWARDS if wanted.is_upwards else _DOWNWARDS
        rows = await self._database.fetch(
            f"""
            WITH RECURSIVE family AS ({family}), wanted AS NOT MATERIALIZED (
                SELECT groups.id, owner_id, parent_id, name, description, metadata, status,
                    created_at, updated_at, updated_by, level, path
                FROM groups
                JOIN family ON family.id = groups.id
                WHERE ($3::uuid IS NULL OR owner_id = $3 OR EXISTS (
                        SELECT FROM policies
                        WHERE subject = $3 AND object = groups.id AND 'g_list' = ANY(actions)
                    ))
                    AND ($4::uuid IS NULL OR EXISTS (
                        SELECT FROM policies WHERE subject = $4 AND object = groups.id
                    ))
                    AND ($5::uuid IS NULL OR owner_id = $5)
                    AND ($6::text = '' OR name = $6)
                    AND ($7::jsonb = '{{}}' OR metadata @> $7)
                    AND ($8::text IS NULL OR status = $8)
            ), page AS (
                SELECT id, owner_id, parent_id, name, description, metadata, status, created_at,
                    updated_at, updated_by, level, path
                FROM wanted
                ORDER BY created_at, id
                OFFSET $9
                LIMIT $10
            )
            SELECT total, id, owner_id, parent_id, name, description, metadata, status,
                created_at, updated_at, updated_by, level, path
            FROM (SELECT count(*) AS total FROM wanted) AS counted
            LEFT JOIN page ON true
            ORDER BY created_at, id
            """,  # noqa: S608 - one of the three texts above
            wanted.root_id,
            wanted.depth,
            wanted.viewer_id,
            wanted.member_id,
            wanted.owner_id,
            wanted.name,
            wanted.metadata,
            wanted.status,
            page.offset,
            page.limit,
        )
        return rows[0]["total"], [_group(row) for row in rows if row["id"] is not None]

    async def update(
        self,
        group_id: UUID,
        *,
        name: str | None,
        description: str | None,
        metadata: JsonObject | None,
        parent_id: UUID | None,
        by: UUID,
        at: datetime,
    ) -> Group:
        given = {
            "name": name,
            "description": description,
            "metadata": metadata,
            "parent_id": parent_id,
        }
        event = GroupUpdated(
            group_id=group_id,
            members=[member for member, value in given.items() if value is not None],
        )

        async def work(connection: Connection) -> asyncpg.Record | None:
            if parent_id is not None:
                await _require_no_cycle(connection, group_id, parent_id)
            row = await connection.fetchrow(
                """
                UPDATE groups
                SET name = coalesce($2, name), description = coalesce($3, description),
                    metadata = coalesce($4::jsonb, metadata), parent_id = coalesce($5, parent_id),
                    updated_by = $6, updated_at = $7
                WHERE id = $1 AND status = 'enabled'
                RETURNING id, owner_id, parent_id, name, description, metadata, status,
                    created_at, updated_at, updated_by
                """,
                group_id,
                name,
                description,
                metadata,
                parent_id,
                by,
                at,
            )
            if row is not None:
                await Outbox.append(connection, event)
            return row

        try:
            row = await self._database.transact(work)
        except asyncpg.UniqueViolationError:
            raise GroupNameTaken from None
        except asyncpg.ForeignKeyViolationError:
            raise ParentNotFound from None
        if row is None:
            raise GroupNotFound
        self._outbox.written.set()
        return _group(row)

    async def update_status(
        self, group_id: UUID, status: Status, *, by: UUID, at: datetime
    ) -> Group:
        event: Event = (
            GroupEnabled(group_id=group_id)
            if status is Status.ENABLED
            else GroupDisabled(group_id=group_id)
        )
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE groups
                SET status = $2, updated_by = $3, updated_at = $4
                WHERE id = $1 AND status <> $2
                RETURNING id, owner_id, parent_id, name, description, metadata, status,
                    created_at, updated_at, updated_by
            ){announcing}
            SELECT * FROM changed
            """,
            group_id,
            status,
            by,
            at,
            event=event,
        )
        if row is None:
            raise StatusAlreadyAssigned
        return _group(row)


async def _require_no_cycle(connection: Connection, group_id: UUID, parent_id: UUID) -> None:
    """Raises GroupCycle if the new parent is the group or stands in it."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _MOVING)
    is_above = await connection.fetchval(
        """
        WITH RECURSIVE above AS (
            SELECT id, parent_id FROM groups WHERE id = $2
            UNION
            SELECT groups.id, groups.parent_id
            FROM groups JOIN above ON groups.id = above.parent_id
        )
        SELECT EXISTS (SELECT FROM above WHERE id = $1)
        """,
        group_id,
        parent_id,
    )
    if is_above:
        raise GroupCycle


def _group(row: asyncpg.Record) -> Group:
    return Group(
        id=row["id"],
        owner_id=row["owner_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        description=row["description"],
        metadata=row["metadata"],
        status=Status(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
        level=row.get("level") or 0,
        path=row.get("path") or "",
    )
