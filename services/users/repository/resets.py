"""Links for forgotten passwords in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.users.repository.rows import epoch_of
from shared.contracts.users_events import UserSecretChanged
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class PostgresResets:
    """See ResetStore. Asking for a link is not announced: nobody else acts on it."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(
        self,
        token_hash: bytes,
        user_id: UUID,
        *,
        now: datetime,
        expires_at: datetime,
        at_most: int,
    ) -> bool:
        row = await self._database.fetchrow(
            """
            WITH swept AS (
                DELETE FROM password_resets WHERE expires_at <= $3
            )
            INSERT INTO password_resets (token_hash, user_id, epoch, expires_at)
            SELECT $1, id, epoch, $4
            FROM users
            WHERE id = $2 AND status = 'enabled' AND $5 > (
                SELECT count(*) FROM password_resets
                WHERE user_id = $2 AND epoch = users.epoch AND expires_at > $3
            )
            RETURNING user_id
            """,
            token_hash,
            user_id,
            now,
            expires_at,
            at_most,
        )
        return row is not None

    async def find_user(self, token_hash: bytes, *, now: datetime) -> UUID | None:
        user_id: UUID | None = await self._database.fetchval(
            """
            SELECT users.id
            FROM password_resets
            JOIN users ON users.id = user_id AND users.epoch = password_resets.epoch
            WHERE token_hash = $1 AND expires_at > $2 AND users.status = 'enabled'
            """,
            token_hash,
            now,
        )
        return user_id

    async def use(
        self,
        token_hash: bytes,
        user_id: UUID,
        *,
        secret_hash: str,
        at: datetime,
        until: datetime,
    ) -> bool:
        epoch = epoch_of(at)
        row = await self._outbox.fetchrow(
            """
            WITH used AS (
                DELETE FROM password_resets
                WHERE token_hash = $1 AND user_id = $2 AND expires_at > $4
                RETURNING user_id, epoch
            ), changed AS (
                UPDATE users
                SET secret_hash = $3, epoch = greatest(users.epoch + 1, $5), updated_by = id,
                    updated_at = $4
                FROM used
                WHERE id = used.user_id AND users.epoch = used.epoch AND status = 'enabled'
                RETURNING id, users.epoch
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'user', id, epoch, $6 FROM changed
                ON CONFLICT (kind, id) DO UPDATE
                SET epoch = excluded.epoch, expires_at = excluded.expires_at, transaction = DEFAULT
            ){announcing}
            SELECT id FROM changed
            """,
            token_hash,
            user_id,
            secret_hash,
            at,
            epoch,
            until,
            event=UserSecretChanged(user_id=user_id, epoch=epoch),
        )
        return row is not None
