"""A wrong or lost master key stops the start, before it can write what nobody can read."""

from __future__ import annotations

from shared.postgres.pool import Database
from shared.sealing import SealBroken, Sealer, master_key
from shared.settings import ServiceSettings, SettingsError
from shared.state import kept

_TEXT = b"supermq key check"


def encryption_key(settings: ServiceSettings) -> bytes:
    """The master key, given or kept; raises SettingsError if it is malformed."""
    return master_key(
        kept(settings, "encryption-key", settings.encryption_key, variable="SMQ_ENCRYPTION_KEY")
    )


async def check_key(database: Database, key: bytes) -> None:
    """Compare the key with the one this database was first used with.

    Raises:
        SettingsError: It is another one.
    """
    sealer = Sealer(key, "key-check")
    sealed = await database.fetchval(
        """
        WITH made AS (
            INSERT INTO key_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING RETURNING sealed
        )
        SELECT sealed FROM made UNION ALL SELECT sealed FROM key_check LIMIT 1
        """,
        sealer.seal(_TEXT),
    )
    try:
        sealer.open(sealed)
    except SealBroken:
        raise SettingsError(
            ["SMQ_ENCRYPTION_KEY is not the key this database was written with"]
        ) from None
