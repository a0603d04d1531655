"""Lists are read from an index, whatever the statistics say."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from services.things.domain import Filter, Reach
from services.things.repository.listing import (
    CHANNELS,
    THINGS,
    Kind,
    deep_statement,
    list_statement,
)
from shared.contracts.common import Status
from shared.http.paging import Page
from shared.postgres.pool import Connection, Database
from tests.reading import freeze_statistics

SEED = """
    INSERT INTO things (id, owner_id, name, tags, secret, secret_fingerprint, metadata, created_at,
                        updated_at, status)
    SELECT gen_random_uuid(), $1, 'n', ARRAY['tag ' || i], 'x', sha256(i::text::bytea),
           jsonb_build_object('serial', i), now(), now(), 'enabled'
    FROM generate_series(1, 3000) AS i
"""


@pytest.fixture
async def owner_id(things_database: Database) -> UUID:
    """The only owner that the statistics know of."""
    owner_id = uuid4()
    await things_database.execute(SEED, owner_id)
    await things_database.execute("ANALYZE")
    return owner_id


async def plan(
    database: Database,
    reach: Reach,
    wanted: Filter,
    kind: Kind = THINGS,
    page: Page | None = None,
    *,
    mode: str = "force_generic_plan",
) -> str:
    """How PostgreSQL reads a page whoever asks: the plan that a prepared statement settles for."""
    text, arguments = list_statement(kind, reach, wanted, page or Page())
    return await explained(database, text, arguments, mode)


async def explained(database: Database, text: str, arguments: list[Any], mode: str) -> str:
    given = f" ({', '.join(map(literal, arguments))})" if arguments else ""

    async def explain(connection: Connection) -> str:
        await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await connection.execute(f"PREPARE page AS {text}")
        rows = await connection.fetch(f"EXPLAIN EXECUTE page{given}")
        await connection.execute("DEALLOCATE page")
        return "\n".join(row[0] for row in rows)

    return await database.transact(explain)


def literal(argument: Any) -> str:
    if isinstance(argument, dict):
        argument = msgspec.json.encode(argument).decode()
    return f"'{argument}'"


async def test_a_page_of_an_owner_is_never_read_from_everybodys_list(
    things_database: Database, owner_id: UUID
) -> None:
    for kind in (THINGS, CHANNELS):
        seen = await plan(things_database, Reach(owner_id), Filter(), kind)

        assert "_by_creation" not in seen
    seen = await plan(things_database, Reach(owner_id), Filter())
    assert "things_by_owner" in seen


async def test_everybodys_list_is_read_in_order(things_database: Database, owner_id: UUID) -> None:
    assert "things_by_creation" in await plan(things_database, Reach(), Filter())


async def test_a_rare_tag_or_metadata_is_found_by_an_index(
    things_database: Database, owner_id: UUID
) -> None:
    by_tag = await plan(things_database, Reach(owner_id), Filter(tag="tag 7"))
    by_metadata = await plan(things_database, Reach(owner_id), Filter(metadata={"serial": 7}))

    assert "things_by_tag" in by_tag
    assert "things_by_metadata" in by_metadata


async def test_an_owner_of_whom_statistics_know_nothing_is_listed_in_order(
    things_database: Database,
) -> None:
    owner_id = uuid4()
    await freeze_statistics(things_database)
    await things_database.execute(SEED.replace("3000", "60000"), owner_id)

    for mode in ("force_generic_plan", "force_custom_plan"):
        for status in (Status.ENABLED, None):
            for page in (Page(), Page(offset=100)):
                wanted = Filter(status=status)
                seen = await plan(things_database, Reach(owner_id), wanted, page=page, mode=mode)
                assert_reads_in_order(seen)
        deep = deep_statement(THINGS, Reach(owner_id), Status.ENABLED, Page(offset=9_000))
        assert_reads_in_order(await explained(things_database, *deep, mode))


def assert_reads_in_order(seen: str) -> None:
    assert "using things_by_owner on things" in seen
    assert "Bitmap" not in seen
    assert "Incremental Sort" not in seen
