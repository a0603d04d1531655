"""What no longer counts, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from shared.contracts.users import RevocationBody
from shared.postgres.pool import Database


class PostgresRevocations:
    """See RevocationStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_since(self, since: int) -> tuple[int, list[RevocationBody]]:
        rows = await self._database.fetch(
            """
            WITH snapshot AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest)
            SELECT oldest::text AS next, kind, id, epoch, expires_at
            FROM snapshot
            LEFT JOIN revocations ON transaction >= least($1::text::xid8, oldest)
            """,
            str(since),
        )
        return int(rows[0]["next"]), [
            RevocationBody(
                kind=row["kind"],
                id=row["id"],
                epoch=row["epoch"],
                expires_at=int(row["expires_at"].timestamp()) + 1,
            )
            for row in rows
            if row["id"] is not None
        ]

    async def sweep(self, *, now: datetime) -> None:
        await self._database.execute("DELETE FROM revocations WHERE expires_at < $1", now)
