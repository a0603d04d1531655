"""Accounts in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain.accounts import (
    IdentityTaken,
    UnknownOwner,
    User,
    UserFilter,
    UserNotFound,
)
from services.users.domain.logins import Login
from services.users.repository.rows import login_of, user_of
from shared.contracts.common import JsonObject
from shared.contracts.users_events import (
    UserCreated,
    UserUpdated,
)
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
        return login_of(row) if row is not None else None

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
        return login_of(row)

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
                ), forgotten AS (
                    DELETE FROM password_resets WHERE user_id IN (SELECT id FROM changed)
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
