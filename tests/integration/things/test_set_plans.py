"""Looking at sets and withdrawing them costs the same however much their owner has.

Nothing is known of the tables, as when a fleet has just been made, or something old: that each
owner has one of everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from services.things.domain import Connection, EntitySet, Withdrawal
from services.things.repository.secrets import ThingSecrets
from services.things.repository.sets import SetRepository
from services.things.repository.things import ThingRepository
from services.things.settings import ThingsSettings
from shared.clock import utc_now
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.sealing import MasterKey
from tests.reading import entries_read, freeze_statistics
from tests.unit.things.making import MOMENT, make_channel, make_thing

OTHERS = 4000
_SEEDS = (
    """
    INSERT INTO things (id, owner_id, mapping_id, name, tags, secret, secret_fingerprint, metadata,
                        created_at, updated_at, status)
    SELECT md5('t' || i)::uuid, $1, md5('m' || i)::uuid, 'n', '{}', 'x', sha256(i::text::bytea),
           '{}', now(), now(), 'enabled'
    FROM generate_series(1, $2) AS i
    """,
    """
    INSERT INTO channels (id, owner_id, mapping_id, name, description, metadata, created_at,
                          updated_at, status)
    SELECT md5('c' || i)::uuid, $1, md5('m' || i)::uuid, 'n', '', '{}', now(), now(), 'enabled'
    FROM generate_series(1, $2) AS i
    """,
    """
    INSERT INTO connections (thing_id, channel_id, owner_id, actions, created_at, updated_at)
    SELECT md5('t' || i)::uuid, md5('c' || i)::uuid, $1, '{m_read}', now(), now()
    FROM generate_series(1, $2) AS i
    """,
    """
    INSERT INTO entity_sets (mapping_id, owner_id, thing_ids, channel_ids, created_at)
    SELECT md5('m' || i)::uuid, $1, ARRAY[md5('t' || i)::uuid], ARRAY[md5('c' || i)::uuid], now()
    FROM generate_series(1, $2) AS i
    """,
    """
    INSERT INTO withdrawn_ids (id, withdrawn_at)
    SELECT md5('w' || i)::uuid, now() FROM generate_series(1, $2) AS i WHERE $1::uuid IS NOT NULL
    """,
)


@pytest.fixture
async def database(things_settings: ThingsSettings) -> AsyncIterator[Database]:
    """One connection, so that what it read is known."""
    async with Database.open(things_settings.database_url, size=1) as database:
        yield database


@pytest.fixture
def secrets() -> ThingSecrets:
    return ThingSecrets(MasterKey(bytes(32), lookup=bytes(32)))


@pytest.fixture
def sets(database: Database, secrets: ThingSecrets) -> SetRepository:
    return SetRepository(database, Outbox(database), secrets)


@pytest.fixture
def things(database: Database, secrets: ThingSecrets) -> ThingRepository:
    return ThingRepository(database, Outbox(database), secrets)


def make_entities(owner_id: UUID) -> EntitySet:
    """A thing connected to two channels."""
    thing = make_thing(owner_id=owner_id, secret=str(uuid4()))
    channels = [make_channel(owner_id=owner_id) for _ in range(2)]
    return EntitySet(
        mapping_id=uuid4(),
        owner_id=owner_id,
        created_at=MOMENT,
        things=[thing],
        channels=channels,
        connections=[
            Connection(
                thing_id=thing.id,
                channel_id=channel.id,
                owner_id=owner_id,
                actions=["m_read"],
                created_at=MOMENT,
                updated_at=MOMENT,
                updated_by=None,
            )
            for channel in channels
        ],
    )


async def test_things_shown_one_by_one_are_planned_once(
    database: Database, things: ThingRepository
) -> None:
    await database.execute(_SEEDS[0], uuid4(), OTHERS)
    await database.execute("ANALYZE things")

    for _ in range(20):
        await things.find(uuid4())

    # At first always for what was asked, to learn what that is worth.
    planned = await database.fetchrow(
        "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE $1",
        "%FROM things%",
    )
    assert planned is not None
    assert tuple(planned) == (5, 15)


@pytest.mark.parametrize("was_analysed", [False, True])
async def test_a_look_and_a_withdrawal_read_only_what_they_concern(
    database: Database, sets: SetRepository, was_analysed: bool
) -> None:
    owner_id = uuid4()
    await freeze_statistics(database)
    if was_analysed:
        await sets.insert([make_entities(uuid4()) for _ in range(400)])
        await database.execute("ANALYZE")
    for seed in _SEEDS:
        await database.execute(seed, owner_id, OTHERS)
    made = [make_entities(owner_id) for _ in range(40)]
    await sets.insert(made)

    # Often enough that PostgreSQL settles for a plan that does not know the ids.
    for group in (made[place : place + 4] for place in range(0, 40, 4)):
        before = await entries_read(database)
        states = await sets.view([each.mapping_id for each in group], owner_id)
        looked = await entries_read(database)
        await sets.withdraw(
            [
                Withdrawal(
                    mapping_id=each.mapping_id,
                    thing_ids=[thing.id for thing in each.things],
                    channel_ids=[channel.id for channel in each.channels],
                )
                for each in group
            ],
            owner_id=owner_id,
            withdrawn_at=utc_now(),
        )
        withdrawn = await entries_read(database)

        assert {len(state.channel_ids) for state in states.values()} == {2}
        assert looked - before < OTHERS / 10
        assert withdrawn - looked < OTHERS / 10

    for table in ("things", "channels"):
        left = f"SELECT count(*) FROM {table} WHERE owner_id = $1"  # noqa: S608
        assert await database.fetchval(left, owner_id) == OTHERS
