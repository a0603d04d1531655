"""What the journal lets go of with time, and what it tells of failures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.provision.repository.journal import PostgresJournal
from services.provision.repository.retention import Retention
from services.provision.settings import ProvisionSettings
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.sealing import MasterKey
from tests.fixtures.services import MakeSettings

DAY = timedelta(days=1)


@pytest.fixture
async def database(make_settings: MakeSettings[ProvisionSettings]) -> AsyncIterator[Database]:
    settings = await make_settings(ProvisionSettings, "provision")
    async with Database.open(settings.database_url, size=2) as database:
        yield database


async def insert(
    database: Database, status: str, *, age: timedelta = timedelta(), keys: bytes | None = None
) -> UUID:
    mapping_id = uuid4()
    await database.execute(
        """
        INSERT INTO mappings (id, owner_id, external_id, name, layout, layout_version, fingerprint,
                              claim_key, status, thing_ids, channel_ids, has_config, sealed_keys,
                              lease_until, created_at, updated_at)
        VALUES ($1, $1, $1::uuid::text, '', '', '', '', $1::uuid::text, $2, '{}', '{}', true, $4,
                now() - interval '1 second', now() - $3::interval, now() - $3::interval)
        """,
        mapping_id,
        status,
        age,
        keys,
    )
    return mapping_id


async def test_old_history_is_forgotten_and_what_is_there_never(database: Database) -> None:
    for status in ("undone", "deleted"):
        await insert(database, status, age=91 * DAY)
    kept = {
        await insert(database, "undone", age=89 * DAY),
        await insert(database, "active", age=1000 * DAY),
        await insert(database, "stuck", age=1000 * DAY),
    }

    await Retention(database, keys_kept=7 * DAY, history_kept=90 * DAY).tidy()

    assert {row["id"] for row in await database.fetch("SELECT id FROM mappings")} == kept


async def test_private_keys_nobody_fetched_are_wiped_after_a_while(database: Database) -> None:
    old = await insert(database, "active", age=8 * DAY, keys=b"sealed")
    young = await insert(database, "active", age=6 * DAY, keys=b"sealed")

    await Retention(database, keys_kept=7 * DAY, history_kept=90 * DAY).tidy()

    rows = await database.fetch("SELECT id, sealed_keys FROM mappings")
    assert {row["id"]: row["sealed_keys"] for row in rows} == {old: None, young: b"sealed"}


async def test_a_mapping_that_fails_is_told_of_once(database: Database) -> None:
    master_key = MasterKey(bytes(32), lookup=bytes(32))
    journal = PostgresJournal(database, Outbox(database), master_key, lease=DAY)
    refused = await insert(database, "running")
    abandoned = await insert(database, "running")
    await insert(database, "undoing")
    await database.execute("UPDATE mappings SET goal = 'undone' WHERE goal IS NULL")

    await journal.start_undo(refused, "external_id_taken")
    await journal.start_undo(refused, "external_id_taken")
    taken_over = await journal.lease_abandoned(10)
    await journal.lease_abandoned(10)

    assert len(taken_over) == 2
    rows = await database.fetch("SELECT subject, payload FROM outbox ORDER BY sequence")
    told = [(row["subject"], json.loads(row["payload"])["data"]) for row in rows]
    assert told == [
        (
            "events.provision.mapping.failed",
            {"mapping_id": str(refused), "reason": "external_id_taken"},
        ),
        ("events.provision.mapping.failed", {"mapping_id": str(abandoned), "reason": "abandoned"}),
    ]
