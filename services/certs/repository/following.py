"""What happens to certificates without anybody asking."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from services.certs.domain import Reason
from services.certs.repository.rows import announce_revoked
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database

_AT_ONCE = 1000


class FollowRepository:
    """See `Followed`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def stop_things(
        self, thing_ids: Collection[UUID], happened_at: datetime, reason: Reason
    ) -> None:
        """Two statements: what is looked up from now on sees the first one's rows."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                """
                INSERT INTO stopped_things AS known (thing_id, stopped_at)
                SELECT DISTINCT id, $2::timestamptz FROM unnest($1::uuid[]) AS id ORDER BY id
                ON CONFLICT (thing_id) DO UPDATE
                SET stopped_at = greatest(known.stopped_at, excluded.stopped_at)
                """,
                list(thing_ids),
                happened_at,
            )
            rows = await connection.fetch(
                """
                UPDATE certificates
                SET revoked_at = least(revoked_at, now()), reason = $3, is_announced = true
                WHERE thing_id = ANY ($1::uuid[]) AND created_at <= $2
                  AND (revoked_at IS NULL OR NOT is_announced)
                RETURNING serial, thing_id
                """,
                list(thing_ids),
                happened_at,
                reason,
            )
            await announce_revoked(connection, rows, reason)

        await self._database.transact(work)
        self._outbox.written.set()

    async def change_owner(self, thing_id: UUID, owner_id: UUID) -> None:
        await self._database.execute(
            "UPDATE certificates SET owner_id = $2 WHERE thing_id = $1", thing_id, owner_id
        )

    async def announce_due(self, moment: datetime) -> None:
        async def work(connection: Connection) -> bool:
            rows = await connection.fetch(
                """
                UPDATE certificates SET is_announced = true
                WHERE serial IN (
                    SELECT serial FROM certificates
                    WHERE revoked_at <= $1 AND NOT is_announced
                    ORDER BY revoked_at LIMIT $2 FOR UPDATE SKIP LOCKED
                )
                RETURNING serial, thing_id
                """,
                moment,
                _AT_ONCE,
            )
            await announce_revoked(connection, rows, Reason.SUPERSEDED)
            return len(rows) == _AT_ONCE

        while await self._database.transact(work):
            self._outbox.written.set()
        self._outbox.written.set()

    async def forget(self, before: datetime) -> None:
        await self._database.execute(
            """
            WITH old_sets AS (
                DELETE FROM certificate_sets WHERE mapping_id IN (
                    SELECT mapping_id FROM certificate_sets WHERE withdrawn_at < $1
                    LIMIT $2 FOR UPDATE SKIP LOCKED
                )
            )
            DELETE FROM stopped_things WHERE thing_id IN (
                SELECT thing_id FROM stopped_things WHERE stopped_at < $1
                LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """,
            before,
            _AT_ONCE,
        )
