"""Shares in PostgreSQL, and policies, which are connections and shares."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.things.domain import Connection, PolicyFilter, Share
from services.things.repository.listing import Statement
from services.things.repository.rows import Row, connection_of
from shared.contracts.things_events import (
    PolicyCreated,
    PolicyDeleted,
    PolicyUpdated,
)
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ShareRepository:
    """See ShareStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def find_thing_actions(
        self, user_id: UUID, thing_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        rows = await self._database.fetch(
            """
            SELECT connections.thing_id AS id, shares.actions
            FROM shares JOIN connections USING (channel_id)
            WHERE shares.user_id = $1 AND connections.thing_id = ANY ($2::uuid[])
            """,
            user_id,
            list(thing_ids),
        )
        return _actions_by_id(rows)

    async def find_channel_actions(
        self, user_id: UUID, channel_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        rows = await self._database.fetch(
            """
            SELECT channel_id AS id, actions
            FROM shares
            WHERE user_id = $1 AND channel_id = ANY ($2::uuid[])
            """,
            user_id,
            list(channel_ids),
        )
        return _actions_by_id(rows)

    async def upsert(self, share: Share) -> bool:
        try:
            await self._outbox.fetch(
                """
                WITH written AS (
                    INSERT INTO shares (user_id, channel_id, owner_id, actions, created_at,
                                        updated_at)
                    VALUES ($1, $2, $3, $4, $5, $5)
                    ON CONFLICT (user_id, channel_id) DO UPDATE
                    SET actions = excluded.actions, updated_at = excluded.updated_at,
                        updated_by = excluded.owner_id
                    RETURNING xmax = 0 AS is_new
                ), changed AS (
                    SELECT FROM written WHERE is_new
                ), changed_otherwise AS (
                    SELECT FROM written WHERE NOT is_new
                ){announcing}
                SELECT FROM written
                """,
                share.user_id,
                share.channel_id,
                share.owner_id,
                share.actions,
                share.created_at,
                event=PolicyCreated(user_id=share.user_id, channel_id=share.channel_id),
                otherwise=PolicyUpdated(user_id=share.user_id, channel_id=share.channel_id),
            )
        except asyncpg.ForeignKeyViolationError:
            return False
        return True

    async def find(self, user_id: UUID, channel_id: UUID) -> Share | None:
        row = await self._database.fetchrow(
            """
            SELECT user_id, channel_id, owner_id, actions, created_at, updated_at, updated_by
            FROM shares
            WHERE user_id = $1 AND channel_id = $2
            """,
            user_id,
            channel_id,
        )
        return None if row is None else Share(**row)

    async def update(
        self,
        user_id: UUID,
        channel_id: UUID,
        actions: list[str],
        *,
        changed_at: datetime,
        changed_by: UUID,
    ) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE shares
                SET actions = $3, updated_at = $4, updated_by = $5
                WHERE user_id = $1 AND channel_id = $2
                RETURNING user_id
            ){announcing}
            SELECT user_id FROM changed
            """,
            user_id,
            channel_id,
            actions,
            changed_at,
            changed_by,
            event=PolicyUpdated(user_id=user_id, channel_id=channel_id),
        )
        return row is not None

    async def delete(self, user_id: UUID, channel_id: UUID) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM shares WHERE user_id = $1 AND channel_id = $2 RETURNING user_id
            ){announcing}
            SELECT user_id FROM changed
            """,
            user_id,
            channel_id,
            event=PolicyDeleted(user_id=user_id, channel_id=channel_id),
        )
        return row is not None

    async def list_policies(
        self, wanted: PolicyFilter, page: Page
    ) -> tuple[int, list[Connection | Share]]:
        statement = Statement()
        conditions = ["true"]
        for column, value, kind in (
            ("owner_id", wanted.owner_id, "uuid"),
            ("subject", wanted.subject_id, "uuid"),
            ("channel_id", wanted.channel_id, "uuid"),
        ):
            if value is not None:
                conditions.append(f"{column} = {statement.given(value, kind)}")
        if wanted.action is not None:
            conditions.append(f"{statement.given(wanted.action, 'text')} = ANY (actions)")
        offset = statement.given(page.offset, "bigint")
        limit = statement.given(page.limit, "bigint")
        rows = await self._database.fetch(
            f"""
            WITH matching AS NOT MATERIALIZED (
                SELECT false AS is_share, thing_id AS subject, channel_id, owner_id, actions,
                       created_at, updated_at, updated_by
                FROM connections
                UNION ALL
                SELECT true, user_id, channel_id, owner_id, actions, created_at, updated_at,
                       updated_by
                FROM shares
            ), page AS (
                SELECT * FROM matching WHERE {" AND ".join(conditions)}
                ORDER BY created_at, subject, channel_id
                OFFSET {offset} LIMIT {limit}
            ), matches AS (
                SELECT count(*) AS total FROM matching WHERE {" AND ".join(conditions)}
            )
            SELECT matches.total, page.*
            FROM matches LEFT JOIN page ON true
            ORDER BY page.created_at, page.subject, page.channel_id
            """,  # noqa: S608 - names of ours, parameter numbers
            *statement.arguments,
        )
        return rows[0]["total"], [_policy_of(row) for row in rows if row["subject"] is not None]


def _actions_by_id(rows: Sequence[Row]) -> dict[UUID, frozenset[str]]:
    actions: dict[UUID, frozenset[str]] = {}
    for row in rows:
        actions[row["id"]] = actions.get(row["id"], frozenset()) | set(row["actions"])
    return actions


def _policy_of(row: Row) -> Connection | Share:
    if not row["is_share"]:
        return connection_of(row, row["subject"])
    return Share(
        user_id=row["subject"],
        channel_id=row["channel_id"],
        owner_id=row["owner_id"],
        actions=row["actions"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
