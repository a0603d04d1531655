"""Logins and their refresh tokens in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.users.domain.accounts import User
from services.users.domain.logins import TokenFamily
from services.users.repository.rows import user_of
from shared.contracts.users_events import LoginEnded
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class PostgresFamilies:
    """See FamilyStore. Only their end is announced: nobody else acts on a login."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, family: TokenFamily, *, now: datetime) -> None:
        await self._database.execute(
            """
            WITH swept AS (
                DELETE FROM token_families WHERE user_id = $2 AND expires_at < $6
            )
            INSERT INTO token_families (id, user_id, epoch, current_id, expires_at)
            VALUES ($1, $2, $3, $4, $5)
            """,
            family.id,
            family.user_id,
            family.epoch,
            family.current_id,
            family.expires_at,
            now,
        )

    async def rotate(
        self, family_id: UUID, used_id: UUID, next_id: UUID, *, now: datetime, expires_at: datetime
    ) -> User | None:
        row = await self._database.fetchrow(
            """
            WITH rotated AS (
                UPDATE token_families
                SET current_id = $3, expires_at = $5
                FROM users
                WHERE token_families.id = $1 AND token_families.current_id = $2
                    AND users.id = token_families.user_id AND users.status = 'enabled'
                    AND users.epoch = token_families.epoch
                RETURNING token_families.id AS family_id, users.id, users.name, users.identity,
                    users.owner_id, users.tags, users.metadata, users.role, users.status,
                    users.created_at, users.updated_at, users.updated_by
            ), used AS (
                INSERT INTO used_refresh_tokens (id, family_id, used_at)
                SELECT $2, family_id, $4 FROM rotated
            )
            SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by
            FROM rotated
            """,
            family_id,
            used_id,
            next_id,
            now,
            expires_at,
        )
        return user_of(row) if row is not None else None

    async def end_if_reused(
        self,
        user_id: UUID,
        family_id: UUID,
        used_id: UUID,
        *,
        since: datetime,
        until: datetime,
    ) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM token_families
                WHERE id = $1 AND user_id = $2 AND NOT EXISTS (
                    SELECT FROM used_refresh_tokens WHERE id = $3 AND used_at > $4
                )
                RETURNING id
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'login', id, 0, $5 FROM changed
                ON CONFLICT DO NOTHING
            ){announcing}
            SELECT id FROM changed
            """,
            family_id,
            user_id,
            used_id,
            since,
            until,
            event=LoginEnded(user_id=user_id, login_id=family_id),
        )
        return row is not None

    async def end(self, user_id: UUID, family_id: UUID, *, until: datetime) -> None:
        await self._outbox.fetchrow(
            """
            WITH changed AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                VALUES ('login', $1, 0, $3)
                ON CONFLICT DO NOTHING
                RETURNING id
            ), ended AS (
                DELETE FROM token_families WHERE id = $1 AND user_id = $2
            ){announcing}
            SELECT id FROM changed
            """,
            family_id,
            user_id,
            until,
            event=LoginEnded(user_id=user_id, login_id=family_id),
        )
