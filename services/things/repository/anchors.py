"""Known places in the list of an owner's things, so that a deep page need not count from the start.

An anchor tells how many entries there are between the anchor before and itself; the triggers of the
first revision keep that true. See docs/adr/0007-counters.md.
"""

from __future__ import annotations

from uuid import UUID

from services.things.repository.listing import ANCHOR_ENTRIES
from shared.contracts.common import Status
from shared.postgres.pool import Connection, Database


class AnchorRepository:
    """Sets anchors where a page is asked for that is far behind the last one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def extend(self, owner_id: UUID, status: Status, offset: int) -> None:
        """Make sure that there are anchors up to an offset, or the end of the list."""
        row = await self._database.fetchrow(
            """
            SELECT (SELECT coalesce(sum(entries), 0) FROM anchors
                    WHERE owner_id = $1 AND status = $2) AS anchored,
                   (SELECT coalesce(sum(entries), 0) FROM tallies
                    WHERE owner_id = $1 AND entity = 'thing' AND status = $2) AS total
            """,
            owner_id,
            status,
        )
        if row is None or min(offset, row["total"]) - row["anchored"] < 2 * ANCHOR_ENTRIES:
            return

        async def extend(connection: Connection) -> None:
            # Waits for the owner's changes under way, whose entries would be missed; those that
            # wait meanwhile find the new anchors.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", owner_id
            )
            await connection.execute(
                """
                INSERT INTO anchors (owner_id, status, created_at, id, entries)
                SELECT $1, $2, created_at, id, $3
                FROM (
                    SELECT created_at, id,
                           row_number() OVER (ORDER BY created_at, id) - 1 AS before
                    FROM things
                    WHERE owner_id = $1 AND status = $2
                      AND (created_at, id) >= (
                          SELECT created_at, id FROM (
                              SELECT created_at, id FROM anchors
                              WHERE owner_id = $1 AND status = $2
                              UNION ALL
                              SELECT '-infinity', '00000000-0000-0000-0000-000000000000'
                          ) AS places
                          ORDER BY created_at DESC, id DESC LIMIT 1
                      )
                ) AS rest
                WHERE before > 0 AND before % $3 = 0
                """,
                owner_id,
                status,
                ANCHOR_ENTRIES,
            )

        await self._database.transact(extend)
