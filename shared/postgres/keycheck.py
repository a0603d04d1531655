"""A wrong or lost master key stops the start, before it can write what nobody can read.

What the key is tried on is the database's own key of fingerprints, sealed with it.
"""

from __future__ import annotations

import os

from msgspec.structs import replace

from shared.postgres.pool import Database
from shared.sealing import MasterKey, SealBroken, Sealer, master_key
from shared.settings import ServiceSettings, SettingsError
from shared.state import kept

PURPOSE = "key-check"


def encryption_key(settings: ServiceSettings) -> MasterKey:
    """The master key, given or kept; raises SettingsError if it is malformed."""
    return master_key(
        kept(settings, "encryption-key", settings.encryption_key, variable="SMQ_ENCRYPTION_KEY")
    )


async def check_key(database: Database, key: MasterKey) -> MasterKey:
    """Open the database's key of fingerprints, or make it at the first start.

    Returns:
        The master key, with it.

    Raises:
        SettingsError: The database was written with another master key.
    """
    sealer = Sealer(key, PURPOSE)
    sealed = await database.fetchval("SELECT sealed FROM key_check")
    if sealed is None:
        await database.execute(
            "INSERT INTO key_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING",
            sealer.seal(os.urandom(32)),
        )
        sealed = await database.fetchval("SELECT sealed FROM key_check")  # perhaps another's
    try:
        return replace(key, lookup=sealer.open(sealed))
    except SealBroken:
        raise SettingsError(
            ["SMQ_ENCRYPTION_KEY is not the key this database was written with"]
        ) from None
