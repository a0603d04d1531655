"""Accounts in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain import (
    IdentityTaken,
    Login,
    Role,
    SecretChangedMeanwhile,
    UnknownOwner,
    User,
    UserFilter,
    UserNotFound,
)
from shared.contracts.common import JsonObject, Status
from shared.contracts.users import (
    UserCreated,
    UserDisabled,
    UserEnabled,
    UserRoleChanged,
    UserSecretChanged,
    UserUpdated,
)
from shared.errors import StatusAlreadyAssigned
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class PostgresUsers:
    """See UserStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, user: User, *, canonical: str, secret_hash: str) -> User:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    INSERT INTO users (
                        id, name, identity, canonical_identity, secret_hash, owner_id, tags,
                        metadata, role, status, created_at, updated_at
                    )
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                    ON CONFLICT (canonical_identity) DO NOTHING
                    RETURNING id
                ){announcing}
                SELECT id FROM changed
                """,
                user.id,
                user.name,
                user.identity,
                canonical,
                secret_hash,
                user.owner_id,
                user.tags,
                user.metadata,
                user.role,
                user.status,
                user.created_at,
                user.updated_at,
                event=UserCreated(user_id=user.id, owner_id=user.owner_id),
            )
        except asyncpg.ForeignKeyViolationError:
            raise UnknownOwner from None
        if row is None:
            raise IdentityTaken
        return user

    async def find(self, user_id: UUID) -> User | None:
        row = await self._database.fetchrow(
            """
            SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by
            FROM users
            WHERE id = $1
            """,
            user_id,
        )
        return user_of(row) if row is not None else None

    async def find_living(
        self, user_id: UUID, *, epoch: int, family_id: UUID | None
    ) -> User | None:
        row = await self._database.fetchrow(
            """
            SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by
            FROM users
            WHERE id = $1 AND status = 'enabled' AND epoch <= $2
                AND NOT EXISTS (SELECT FROM revocations WHERE kind = 'login' AND id = $3)
            """,
            user_id,
            epoch,
            family_id,
        )
        return user_of(row) if row is not None else None

    async def find_login(self, canonical: str) -> Login | None:
        row = await self._database.fetchrow(
            """
            SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by, secret_hash, epoch
            FROM users
            WHERE canonical_identity = $1
            """,
            canonical,
        )
        return _login(row) if row is not None else None

    async def get_login(self, user_id: UUID) -> Login:
        row = await self._database.fetchrow(
            """
            SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by, secret_hash, epoch
            FROM users
            WHERE id = $1
            """,
            user_id,
        )
        if row is None:
            raise UserNotFound
        return _login(row)

    async def list_page(self, wanted: UserFilter, page: Page) -> tuple[int, list[User]]:
        rows = await self._database.fetch(
            """
            WITH wanted AS NOT MATERIALIZED (
                SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by
                FROM users
                WHERE ($1::uuid IS NULL OR owner_id = $1)
                    AND ($2::text IS NULL OR status = $2)
                    AND ($3::text = '' OR name = $3)
                    AND ($4::text = '' OR canonical_identity = $4)
                    AND ($5::text = '' OR tags @> ARRAY[$5])
                    AND ($6::jsonb = '{}' OR metadata @> $6)
                    AND ($9::uuid IS NULL OR ($10 AND owner_id = $9) OR ($11 AND id IN (
                        SELECT membership.subject
                        FROM policies AS held
                        JOIN groups ON groups.id = held.object AND groups.status = 'enabled'
                        JOIN policies AS membership ON membership.object = held.object
                        WHERE held.subject = $9 AND 'c_list' = ANY(held.actions)
                    )))
                    AND ($12::uuid IS NULL OR id IN (
                        SELECT subject FROM policies WHERE object = $12
                    ))
                    AND ($13::uuid IS NULL OR id <> $13)
            ), page AS (
                SELECT id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by
                FROM wanted
                ORDER BY created_at, id
                OFFSET $7
                LIMIT $8
            )
            SELECT total, id, name, identity, owner_id, tags, metadata, role, status, created_at,
                updated_at, updated_by
            FROM (SELECT count(*) AS total FROM wanted) AS counted
            LEFT JOIN page ON true
            ORDER BY created_at, id
            """,
            wanted.owner_id,
            wanted.status,
            wanted.name,
            wanted.identity,
            wanted.tag,
            wanted.metadata,
            page.offset,
            page.limit,
            wanted.viewer_id,
            wanted.sees_own,
            wanted.sees_shared,
            wanted.group_id,
            wanted.except_id,
        )
        return rows[0]["total"], [user_of(row) for row in rows if row["id"] is not None]

    async def update(
        self,
        user_id: UUID,
        *,
        name: str | None,
        metadata: JsonObject | None,
        by: UUID,
        at: datetime,
    ) -> User:
        given = {"name": name, "metadata": metadata}
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET name = coalesce($2, name), metadata = coalesce($3::jsonb, metadata),
                    updated_by = $4, updated_at = $5
                WHERE id = $1 AND status = 'enabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            name,
            metadata,
            by,
            at,
            event=UserUpdated(
                user_id=user_id,
                members=[member for member, value in given.items() if value is not None],
            ),
        )
        if row is None:
            raise UserNotFound
        return user_of(row)

    async def update_tags(self, user_id: UUID, tags: list[str], *, by: UUID, at: datetime) -> User:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE users
                SET tags = $2, updated_by = $3, updated_at = $4
                WHERE id = $1 AND status = 'enabled'
                RETURNING id, name, identity, owner_id, tags, metadata, role, status, created_at,
                    updated_at, updated_by
            ){announcing}
            SELECT * FROM changed
            """,
            user_id,
            tags,
            by,
            at,
            event=UserUpdated(user_id=user_id, members=["tags"]),
        )
        if row is None:
            raise UserNotFound
        return user_of(row)

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

    async def update_identity(
        self, user_id: UUID, identity: str, *, canonical: str, by: UUID, at: datetime
    ) -> User:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    UPDATE users
                    SET identity = $2, canonical_identity = $3, updated_by = $4, updated_at = $5
                    WHERE id = $1 AND status = 'enabled'
                    RETURNING id, name, identity, owner_id, tags, metadata, role, status,
                        created_at, updated_at, updated_by
                ){announcing}
                SELECT * FROM changed
                """,
                user_id,
                identity,
                canonical,
                by,
                at,
                event=UserUpdated(user_id=user_id, members=["identity"]),
            )
        except asyncpg.UniqueViolationError:
            raise IdentityTaken from None
        if row is None:
            raise UserNotFound
        return user_of(row)

    async def update_owner(self, user_id: UUID, owner_id: UUID, *, by: UUID, at: datetime) -> User:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    UPDATE users
                    SET owner_id = $2, updated_by = $3, updated_at = $4
                    WHERE id = $1 AND status = 'enabled'
                    RETURNING id, name, identity, owner_id, tags, metadata, role, status,
                        created_at, updated_at, updated_by
                ){announcing}
                SELECT * FROM changed
                """,
                user_id,
                owner_id,
                by,
                at,
                event=UserUpdated(user_id=user_id, members=["owner"]),
            )
        except asyncpg.ForeignKeyViolationError:
            raise UnknownOwner from None
        if row is None:
            raise UserNotFound
        return user_of(row)


def epoch_of(moment: datetime) -> int:
    """The epoch that begins now; later than all before, also when a clock was set back."""
    return int(moment.timestamp() * 1_000_000)


def _login(row: asyncpg.Record) -> Login:
    return Login(user=user_of(row), secret_hash=row["secret_hash"], epoch=row["epoch"])


def user_of(row: asyncpg.Record) -> User:
    """The account in a row."""
    return User(
        id=row["id"],
        name=row["name"],
        identity=row["identity"],
        owner_id=row["owner_id"],
        tags=row["tags"],
        metadata=row["metadata"],
        role=Role(row["role"]),
        status=Status(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
