"""The two writes of every mapping, for groups of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from services.provision.repository.groups import Closed, GroupedWrites, NewMapping
from services.provision.settings import ProvisionSettings
from shared.contracts.provision import MappingActive
from shared.postgres.outbox import Outbox, announcement
from shared.postgres.pool import Database
from tests.fixtures.services import MakeSettings

OWNER = uuid4()


@pytest.fixture
async def database(make_settings: MakeSettings[ProvisionSettings]) -> AsyncIterator[Database]:
    """One connection, which knows how its statements were planned."""
    settings = await make_settings(ProvisionSettings, "provision")
    async with Database.open(settings.database_url, size=1) as database:
        yield database


def new_mapping() -> NewMapping:
    mapping_id = uuid4()
    return NewMapping(
        id=mapping_id,
        owner_id=OWNER,
        external_id=str(mapping_id),
        name="",
        layout="",
        layout_version="",
        fingerprint=b"",
        claim_key=str(mapping_id),
        thing_ids=[uuid4()],
        channel_ids=[uuid4(), uuid4()],
        has_config=True,
        has_certificates=False,
        sealed_plan=b"plan",
        sealed_keys=None,
    )


def closed(mapping: NewMapping) -> Closed:
    event = MappingActive(
        mapping_id=mapping.id, owner_id=mapping.owner_id, external_id=mapping.external_id
    )
    return Closed(id=mapping.id, steps=[], announcement=announcement(event))


async def test_small_groups_are_planned_once(database: Database) -> None:
    writes = GroupedWrites(database, Outbox(database), timedelta(minutes=1))
    for size in [1, 2, 3, 4, 5] * 5:
        mappings = [new_mapping() for _ in range(size)]
        claimed = await asyncio.gather(*map(writes.claim, mappings))
        is_closed = await asyncio.gather(*(writes.close(closed(each)) for each in mappings))
        assert all(row["is_new"] for row in claimed)
        assert all(is_closed)

    planned = await database.fetch(
        "SELECT custom_plans, generic_plans FROM pg_prepared_statements "
        "WHERE custom_plans + generic_plans > 1"
    )
    # The first five of each are planned for themselves, to learn what that is worth.
    assert [tuple(row) for row in planned] == [(5, 20), (5, 20)]
