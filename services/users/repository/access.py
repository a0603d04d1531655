"""What lets somebody in: password, status and role. Each change ends the logins of before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain.accounts import Role, SecretChangedMeanwhile, User
from services.users.repository.rows import epoch_of, user_of
from shared.contracts.common import Status
from shared.contracts.users_events import (
    UserDisabled,
    UserEnabled,
    UserRoleChanged,
    UserSecretChanged,
)
from shared.errors import StatusAlreadyAssigned
from shared.postgres.outbox import Outbox


class PostgresAccess:
    """See AccessStore."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def update_secret(
        self, user_id: UUID, *, old_hash: str, new_hash: str, at: datetime, until: datetime
    ) -> User:
        epoch = epoch_of(at)
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET secret_hash = $3, epoch = greatest(epoch + 1, $5), updated_by = id,
                    updated_at = $4
                WHERE id = $1 AND secret_hash = $2 AND status = 'enabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by, epoch
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'user', id, epoch, $6 FROM changed
                ON CONFLICT (kind, id) DO UPDATE
                SET epoch = excluded.epoch, expires_at = excluded.expires_at, transaction = DEFAULT
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            old_hash,
            new_hash,
            at,
            epoch,
            until,
            event=UserSecretChanged(user_id=user_id, epoch=epoch),
        )
        if row is None:
            raise SecretChangedMeanwhile
        return user_of(row)

    async def update_status(
        self, user_id: UUID, status: Status, *, by: UUID, at: datetime, until: datetime
    ) -> User:
        row = await (
            self._enable(user_id, by=by, at=at)
            if status is Status.ENABLED
            else self._disable(user_id, by=by, at=at, until=until)
        )
        if row is None:
            raise StatusAlreadyAssigned
        return user_of(row)

    async def _enable(self, user_id: UUID, *, by: UUID, at: datetime) -> asyncpg.Record | None:
        return await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET status = 'enabled', updated_by = $2, updated_at = $3
                WHERE id = $1 AND status <> 'enabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            by,
            at,
            event=UserEnabled(user_id=user_id),
        )

    async def _disable(
        self, user_id: UUID, *, by: UUID, at: datetime, until: datetime
    ) -> asyncpg.Record | None:
        epoch = epoch_of(at)
        return await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET status = 'disabled', epoch = greatest(epoch + 1, $4), updated_by = $2,
                    updated_at = $3
                WHERE id = $1 AND status <> 'disabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by, epoch
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'user', id, epoch, $5 FROM changed
                ON CONFLICT (kind, id) DO UPDATE
                SET epoch = excluded.epoch, expires_at = excluded.expires_at, transaction = DEFAULT
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            by,
            at,
            epoch,
            until,
            event=UserDisabled(user_id=user_id, epoch=epoch),
        )

    async def update_role(
        self, user_id: UUID, role: Role, *, by: UUID, at: datetime, until: datetime
    ) -> User | None:
        epoch = epoch_of(at)
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET role = $2, epoch = greatest(epoch + 1, $5), updated_by = $3, updated_at = $4
                WHERE id = $1 AND role <> $2 AND status = 'enabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by, epoch
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'user', id, epoch, $6 FROM changed
                ON CONFLICT (kind, id) DO UPDATE
                SET epoch = excluded.epoch, expires_at = excluded.expires_at, transaction = DEFAULT
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            role,
            by,
            at,
            epoch,
            until,
            event=UserRoleChanged(user_id=user_id, epoch=epoch),
        )
        return user_of(row) if row is not None else None
