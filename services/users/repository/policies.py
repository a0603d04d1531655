"""Policies in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain.groups import Action, Policy, PolicyFilter, PolicyGround, PolicyNotFound
from shared.contracts.users_events import PolicyCreated, PolicyDeleted, PolicyUpdated
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class PostgresPolicies:
    """See PolicyStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def get_ground(self, writer: UUID, subject: UUID, group_id: UUID) -> PolicyGround:
        [row] = await self._database.fetch(
            """
            SELECT EXISTS (SELECT FROM users WHERE id = $2) AS has_subject,
                (SELECT owner_id FROM groups WHERE id = $3) AS group_owner_id,
                (SELECT actions FROM policies WHERE subject = $1 AND object = $3) AS held,
                subject, object, owner_id, actions, created_at, updated_at, updated_by
            FROM (SELECT) AS always
            LEFT JOIN policies ON subject = $2 AND object = $3
            """,
            writer,
            subject,
            group_id,
        )
        return PolicyGround(
            has_subject=row["has_subject"],
            group_owner_id=row["group_owner_id"],
            held=frozenset(map(Action, row["held"] or ())),
            existing=_policy(row) if row["subject"] is not None else None,
        )

    async def put(self, policy: Policy) -> None:
        try:
            await self._outbox.fetchrow(
                """
                WITH changed AS (
                    INSERT INTO policies (
                        subject, object, owner_id, actions, created_at, updated_at
                    )
                    VALUES ($1, $2, $3, $4, $5, $5)
                    ON CONFLICT (subject, object) DO UPDATE
                    SET actions = excluded.actions, updated_at = excluded.updated_at,
                        updated_by = excluded.owner_id
                    RETURNING subject
                ){announcing}
                SELECT subject FROM changed
                """,
                policy.subject,
                policy.object,
                policy.owner_id,
                policy.actions,
                policy.created_at,
                event=PolicyCreated(user_id=policy.subject, group_id=policy.object),
            )
        except asyncpg.ForeignKeyViolationError:
            raise PolicyNotFound from None

    async def update(
        self, subject: UUID, group_id: UUID, actions: list[Action], *, by: UUID, at: datetime
    ) -> None:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE policies
                SET actions = $3, updated_by = $4, updated_at = $5
                WHERE subject = $1 AND object = $2
                RETURNING subject
            ){announcing}
            SELECT subject FROM changed
            """,
            subject,
            group_id,
            actions,
            by,
            at,
            event=PolicyUpdated(user_id=subject, group_id=group_id),
        )
        if row is None:
            raise PolicyNotFound

    async def delete(self, subject: UUID, group_id: UUID) -> None:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM policies WHERE subject = $1 AND object = $2 RETURNING subject
            ){announcing}
            SELECT subject FROM changed
            """,
            subject,
            group_id,
            event=PolicyDeleted(user_id=subject, group_id=group_id),
        )
        if row is None:
            raise PolicyNotFound

    async def list_page(self, wanted: PolicyFilter, page: Page) -> tuple[int, list[Policy]]:
        rows = await self._database.fetch(
            """
            WITH wanted AS NOT MATERIALIZED (
                SELECT subject, object, owner_id, actions, created_at, updated_at, updated_by
                FROM policies
                WHERE ($1::uuid IS NULL OR owner_id = $1)
                    AND ($2::uuid IS NULL OR subject = $2)
                    AND ($3::uuid IS NULL OR object = $3)
                    AND ($4::text IS NULL OR $4 = ANY(actions))
            ), page AS (
                SELECT subject, object, owner_id, actions, created_at, updated_at, updated_by
                FROM wanted
                ORDER BY created_at, subject, object
                OFFSET $5
                LIMIT $6
            )
            SELECT total, subject, object, owner_id, actions, created_at, updated_at, updated_by
            FROM (SELECT count(*) AS total FROM wanted) AS counted
            LEFT JOIN page ON true
            ORDER BY created_at, subject, object
            """,
            wanted.owner_id,
            wanted.subject,
            wanted.object,
            wanted.action,
            page.offset,
            page.limit,
        )
        return rows[0]["total"], [_policy(row) for row in rows if row["subject"] is not None]


def _policy(row: asyncpg.Record) -> Policy:
    return Policy(
        subject=row["subject"],
        object=row["object"],
        owner_id=row["owner_id"],
        actions=[Action(action) for action in row["actions"]],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
