"""What the journal lets go of with time: private keys nobody fetched, and old history."""

from __future__ import annotations

from datetime import timedelta

from shared.postgres.pool import Database

_FORGOTTEN_AT_ONCE = 5000


class Retention:
    """Goes over the journal now and then.

    Args:
        keys_kept: How long private keys are kept if no gateway comes to fetch them.
        history_kept: How long mappings that were taken back or deleted are still told of.
    """

    def __init__(
        self, database: Database, *, keys_kept: timedelta, history_kept: timedelta
    ) -> None:
        self._database = database
        self._keys_kept = keys_kept
        self._history_kept = history_kept

    async def tidy(self) -> None:
        """Wipe the keys and forget the history whose time has come."""
        await self._database.execute(
            """
            UPDATE mappings SET sealed_keys = NULL
            WHERE sealed_keys IS NOT NULL AND created_at < now() - $1::interval
            """,
            self._keys_kept,
        )
        await self._database.execute(
            """
            DELETE FROM mappings WHERE id IN (
                SELECT id FROM mappings
                WHERE status IN ('undone', 'deleted') AND updated_at < now() - $1::interval
                ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """,
            self._history_kept,
            _FORGOTTEN_AT_ONCE,
        )
