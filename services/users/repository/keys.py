"""API keys in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.users.domain.keys import ApiKey, HeldKey
from services.users.repository.rows import user_of
from shared.contracts.users_events import KeyCreated, KeyRevoked
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class PostgresKeys:
    """See KeyStore."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, key: ApiKey, *, secret_hash: bytes) -> None:
        await self._outbox.fetchrow(
            """
            WITH changed AS (
                INSERT INTO api_keys (
                    id, user_id, name, scopes, secret_hash, created_at, expires_at
                )
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            key.id,
            key.user_id,
            key.name,
            key.scopes,
            secret_hash,
            key.created_at,
            key.expires_at,
            event=KeyCreated(key_id=key.id, user_id=key.user_id),
        )

    async def find(self, key_id: UUID, *, user_id: UUID) -> ApiKey | None:
        row = await self._database.fetchrow(
            """
            SELECT id, user_id, name, scopes, created_at, expires_at, last_used_at
            FROM api_keys
            WHERE id = $1 AND user_id = $2
            """,
            key_id,
            user_id,
        )
        return _key(row) if row is not None else None

    async def find_held(self, key_id: UUID) -> HeldKey | None:
        row = await self._database.fetchrow(
            """
            SELECT users.id, users.name, identity, owner_id, tags, metadata, role, status,
                users.created_at, updated_at, updated_by, epoch, secret_hash_of_key,
                key_id, key_name, scopes, key_created_at, expires_at, last_used_at
            FROM (
                SELECT id AS key_id, user_id, name AS key_name, scopes,
                    secret_hash AS secret_hash_of_key, created_at AS key_created_at, expires_at,
                    last_used_at
                FROM api_keys
                WHERE id = $1
            ) AS held
            JOIN users ON users.id = held.user_id
            """,
            key_id,
        )
        if row is None:
            return None
        key = ApiKey(
            id=row["key_id"],
            user_id=row["id"],
            name=row["key_name"],
            scopes=row["scopes"],
            created_at=row["key_created_at"],
            expires_at=row["expires_at"],
            last_used_at=row["last_used_at"],
        )
        return HeldKey(
            key=key, secret_hash=row["secret_hash_of_key"], user=user_of(row), epoch=row["epoch"]
        )

    async def list_page(self, user_id: UUID, page: Page) -> tuple[int, list[ApiKey]]:
        rows = await self._database.fetch(
            """
            WITH page AS (
                SELECT id, user_id, name, scopes, created_at, expires_at, last_used_at
                FROM api_keys
                WHERE user_id = $1
                ORDER BY created_at, id
                OFFSET $2
                LIMIT $3
            )
            SELECT total, id, user_id, name, scopes, created_at, expires_at, last_used_at
            FROM (SELECT count(*) AS total FROM api_keys WHERE user_id = $1) AS counted
            LEFT JOIN page ON true
            ORDER BY created_at, id
            """,
            user_id,
            page.offset,
            page.limit,
        )
        return rows[0]["total"], [_key(row) for row in rows if row["id"] is not None]

    async def delete(self, key_id: UUID, *, user_id: UUID, until: datetime) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING id
            ), revoked AS (
                INSERT INTO revocations (kind, id, epoch, expires_at)
                SELECT 'key', id, 0, $3 FROM changed
            ){announcing}
            SELECT id FROM changed
            """,
            key_id,
            user_id,
            until,
            event=KeyRevoked(key_id=key_id, user_id=user_id),
        )
        return row is not None

    async def note_uses(self, uses: dict[UUID, datetime]) -> None:
        await self._database.execute(
            """
            UPDATE api_keys
            SET last_used_at = greatest(last_used_at, used.at)
            FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
            WHERE api_keys.id = used.id
            """,
            list(uses),
            list(uses.values()),
        )


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        scopes=row["scopes"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )
