"""The journal's side of taking many mappings back at the same moment."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.provision.repository.journal import PostgresJournal
from services.provision.repository.records import PostgresRecords
from services.provision.repository.retention import Retention
from services.provision.settings import ProvisionSettings
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.sealing import MasterKey
from tests.fixtures.services import MakeSettings
from tests.reading import entries_read, freeze_statistics

OWNER = uuid4()


@pytest.fixture
async def settings(make_settings: MakeSettings[ProvisionSettings]) -> ProvisionSettings:
    return await make_settings(ProvisionSettings, "provision")


@pytest.fixture
async def database(settings: ProvisionSettings) -> AsyncIterator[Database]:
    async with Database.open(settings.database_url, size=8) as database:
        yield database


def journal_of(database: Database) -> PostgresJournal:
    master_key = MasterKey(bytes(32), lookup=bytes(32))
    return PostgresJournal(database, Outbox(database), master_key, lease=timedelta(minutes=1))


async def insert(
    database: Database, count: int, status: str = "active", owner_id: UUID = OWNER
) -> list[UUID]:
    """Mappings with a thing each, whose external ids are their ids."""
    rows = await database.fetch(
        """
        WITH made AS (
            INSERT INTO mappings (id, owner_id, external_id, name, layout, layout_version,
                                  fingerprint, claim_key, status, thing_ids, channel_ids,
                                  has_config, lease_until)
            SELECT id, $1, id::text, '', '', '', '', id::text, $2, ARRAY[gen_random_uuid()],
                   ARRAY[gen_random_uuid()], true, now() + interval '1 hour'
            FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) AS new
            RETURNING id, thing_ids
        ), parts AS (
            INSERT INTO mapping_things (thing_id, mapping_id) SELECT thing_ids[1], id FROM made
        )
        SELECT id FROM made
        """,
        owner_id,
        status,
        count,
    )
    return [row["id"] for row in rows]


async def statuses(database: Database) -> Counter[str]:
    return Counter(row["status"] for row in await database.fetch("SELECT status FROM mappings"))


async def test_those_that_are_there_are_begun_with_and_the_others_of_the_group_are_not(
    database: Database,
) -> None:
    journal = journal_of(database)
    active = await insert(database, 20)
    (broken,) = await insert(database, 1, "broken")
    (running,) = await insert(database, 1, "running")
    unknown = uuid4()

    started = await asyncio.gather(
        *(journal.start_removal(each, keep_channels=False) for each in active[1:]),
        journal.start_removal(active[0], keep_channels=True),
        journal.start_removal(broken, keep_channels=False),
        journal.start_removal(running, keep_channels=False),
        journal.start_removal(unknown, keep_channels=False),
    )

    assert [each and each.mapping_id for each in started] == [
        *active[1:],
        active[0],
        broken,
        None,
        None,
    ]
    assert [each.keep_channels for each in started if each] == [False] * 19 + [True, False]
    assert await statuses(database) == {"undoing": 21, "running": 1}
    assert await journal.start_removal(broken, keep_channels=False) is None
    assert await journal.find_unfinished(broken) in started


async def test_each_one_that_is_gone_is_told_of_once_and_frees_its_external_id(
    database: Database,
) -> None:
    journal = journal_of(database)
    mapping_ids = await insert(database, 70)
    started = await asyncio.gather(
        *(journal.start_removal(each, keep_channels=False) for each in mapping_ids)
    )

    for _ in range(2):
        await asyncio.gather(*(journal.finish_undo(each) for each in started if each))

    rows = await database.fetch("SELECT subject, payload FROM outbox")
    told = Counter(json.loads(row["payload"])["data"]["mapping_id"] for row in rows)
    assert {row["subject"] for row in rows} == {"events.provision.mapping.deleted"}
    assert told == Counter(str(each) for each in mapping_ids)
    assert await statuses(database) == {"deleted": 70}
    left = "SELECT count(*) FROM mappings WHERE claim_key IS NOT NULL"
    assert await database.fetchval(left) == 0
    assert await database.fetchval("SELECT count(*) FROM mapping_things") == 0


async def test_leases_are_extended_while_groups_are_finished(database: Database) -> None:
    journal = journal_of(database)
    mapping_ids = await insert(database, 300)

    async def remove(mapping_id: UUID) -> None:
        unfinished = await journal.start_removal(mapping_id, keep_channels=False)
        assert unfinished is not None
        await journal.finish_undo(unfinished)

    async def extend() -> None:
        for _ in range(10):
            await journal.extend_leases(mapping_ids[::-1])

    async with asyncio.timeout(20):
        await asyncio.gather(*map(remove, mapping_ids), extend(), extend())

    assert await statuses(database) == {"deleted": 300}


@pytest.mark.parametrize("was_analysed", [False, True])
async def test_an_end_reads_only_what_it_concerns_however_many_mappings_there_are(
    settings: ProvisionSettings, was_analysed: bool
) -> None:
    async with Database.open(settings.database_url, size=1) as database:
        journal, records = journal_of(database), PostgresRecords(database)
        await freeze_statistics(database)
        if was_analysed:  # when each owner had one
            for _ in range(100):
                await insert(database, 1, owner_id=uuid4())
            await database.execute("ANALYZE")
        mapping_ids = await insert(database, 4000)

        # Often enough that PostgreSQL settles for a plan that does not know the ids.
        for place in range(0, 40, 4):
            before = await entries_read(database)
            for mapping_id in mapping_ids[place : place + 4]:
                record = await records.find_newest(OWNER, str(mapping_id))
                assert record is not None
                assert record.id == mapping_id
                unfinished = await journal.start_removal(mapping_id, keep_channels=False)
                assert unfinished is not None
                await journal.mark_things_gone(unfinished.thing_ids)
                await journal.finish_undo(unfinished)
            assert await entries_read(database) - before < 400
        # The first five times each is planned for itself, to learn what that is worth.
        planned = """
            SELECT max(custom_plans), max(generic_plans) FROM pg_prepared_statements
            WHERE statement NOT LIKE '%INSERT INTO mappings%'
        """
        assert tuple(await database.fetchrow(planned) or ()) == (5, 35)

        before = await entries_read(database)
        await Retention(
            database, keys_kept=timedelta(days=1), history_kept=timedelta(seconds=-1)
        ).tidy()
        assert await entries_read(database) - before < 4000
        assert await statuses(database) == {"active": 4060 if was_analysed else 3960}


async def test_lines_looked_for_at_the_same_moment_are_each_owners_own(database: Database) -> None:
    records = PostgresRecords(database)
    mapping_ids = await insert(database, 5)

    found = await asyncio.gather(
        *(records.find_newest(OWNER, str(each)) for each in mapping_ids),
        records.find_newest(uuid4(), str(mapping_ids[0])),
        records.find_newest(OWNER, "unknown"),
    )

    assert [each and each.id for each in found] == [*mapping_ids, None, None]
