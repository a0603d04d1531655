"""Rows into configs, and which of their columns are sealed."""

from __future__ import annotations

import asyncpg
import msgspec

from services.bootstrap.domain import (
    Certificates,
    Channel,
    Config,
    ConfigSummary,
    ExternalIdTaken,
    Fetch,
    ThingHasConfig,
)
from shared.contracts.bootstrap import State
from shared.postgres.resealing import SealedTable
from shared.sealing import MasterKey, Sealer

_PURPOSES = {
    "external_key": "bootstrap/external-key",
    "thing_key": "bootstrap/thing-key",
    "client_key": "bootstrap/client-key",
}
SEALED = (
    SealedTable(
        name="configs",
        id="thing_id",
        columns=_PURPOSES,
        fingerprint=("thing_key_fingerprint", "thing_key"),
    ),
)
# What is taken when a constraint refuses a new config.
TAKEN = {"configs_external_id_key": ExternalIdTaken, "configs_pkey": ThingHasConfig}


class Seals:
    """One key per secret column; a value opens only in its own config's row."""

    def __init__(self, master_key: MasterKey) -> None:
        self.external_key = Sealer(master_key, _PURPOSES["external_key"])
        self.thing_key = Sealer(master_key, _PURPOSES["thing_key"])
        self.client_key = Sealer(master_key, _PURPOSES["client_key"])


def config_summary(row: asyncpg.Record, seals: Seals) -> ConfigSummary:
    """Read the columns that lists show."""
    context = row["thing_id"].bytes
    return ConfigSummary(
        thing_id=row["thing_id"],
        owner_id=row["owner_id"],
        thing_key=seals.thing_key.open(row["thing_key"], context).decode(),
        external_id=row["external_id"],
        external_key=seals.external_key.open(row["external_key"], context).decode(),
        name=row["name"],
        content=row["content"],
        state=State(row["state"]),
    )


def config(row: asyncpg.Record, seals: Seals) -> Config:
    """Read all columns."""
    return Config(
        **msgspec.structs.asdict(config_summary(row, seals)),
        channels=msgspec.convert(row["channels"], tuple[Channel, ...]),
        certificates=Certificates(
            client_cert=row["client_cert"],
            client_key=open_client_key(row, seals),
            ca_cert=row["ca_cert"],
        ),
    )


def last_fetch(row: asyncpg.Record) -> Fetch | None:
    """Read the latest attempt to fetch, None if there was none."""
    if row["last_fetch_at"] is None:
        return None
    return Fetch(
        at=row["last_fetch_at"],
        address=row["last_fetch_address"],
        result=row["last_fetch_result"],
    )


def seal_client_key(seals: Seals, client_key: str, context: bytes) -> bytes | None:
    """What stands in the column; NULL if there is no key."""
    return seals.client_key.seal(client_key.encode(), context) if client_key else None


def open_client_key(row: asyncpg.Record, seals: Seals) -> str:
    """The key that stands in the column, empty if there is none."""
    sealed = row["client_key"]
    return seals.client_key.open(sealed, row["thing_id"].bytes).decode() if sealed else ""
