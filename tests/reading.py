"""How much of its tables PostgreSQL reads."""

from __future__ import annotations

from shared.postgres.pool import Database


async def entries_read(database: Database) -> int:
    """Rows and index entries read so far, if the database has one connection (`size=1`)."""
    await database.execute("SELECT pg_stat_force_next_flush()")
    return int(
        await database.fetchval(
            """
            SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
                 + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
            """
        )
    )


async def freeze_statistics(database: Database) -> None:
    """Leave the statistics as they are from now on, whatever happens to the tables."""
    for row in await database.fetch("SELECT relname FROM pg_stat_user_tables"):
        await database.execute(f"ALTER TABLE {row['relname']} SET (autovacuum_enabled = false)")
