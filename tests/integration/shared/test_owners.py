"""Lists of an owner's entries: page and total, whatever is in the table."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.http.paging import Page
from shared.postgres.owners import page_statement, tallied
from shared.postgres.pool import Connection, Database
from tests.reading import freeze_statistics

ALICE, BOB = uuid4(), uuid4()
ENTER = """
    INSERT INTO entries (id, owner_id, name, created_at)
    SELECT gen_random_uuid(), $1, 'entry ' || number, now() + number * interval '1 second'
    FROM generate_series(1, $2::integer) AS number
"""


@pytest.fixture
async def entries(database: Database) -> Database:
    """A table of a service, with three entries from before they were counted."""
    await database.execute(
        """
        CREATE TABLE entries (
            id uuid PRIMARY KEY, owner_id uuid NOT NULL, name text NOT NULL,
            created_at timestamptz NOT NULL
        )
        """
    )
    await database.execute("CREATE INDEX entries_by_owner ON entries (owner_id, created_at, id)")
    await database.execute(ENTER, ALICE, 3)
    await database.transact(count_entries)
    return database


async def count_entries(connection: Connection) -> None:
    """In place of the service's own counters, in one transaction as revisions are."""
    await connection.execute("DROP TABLE owner_tallies")
    await connection.execute("DROP FUNCTION tally_owners CASCADE")
    for statement in tallied("entries"):
        await connection.execute(statement)


async def listed(
    database: Database,
    owner_id: UUID,
    *narrowing: tuple[str, Any],
    offset: int = 0,
    limit: int = 10,
) -> tuple[int, list[str]]:
    text, arguments = page_statement(
        "entries",
        "id",
        "id, name, created_at",
        owner_id,
        narrowing,
        Page(offset=offset, limit=limit),
    )
    rows = await database.fetch(text, *arguments)
    return rows[0]["total"], [row["name"] for row in rows if row["id"]]


async def test_what_comes_and_goes_is_counted_with_what_was_there_before(
    entries: Database,
) -> None:
    await entries.execute(ENTER, ALICE, 5)
    await entries.execute(ENTER, BOB, 2)
    await entries.execute("DELETE FROM entries WHERE owner_id = $1 AND name = 'entry 1'", ALICE)

    assert (await listed(entries, ALICE))[0] == 6
    assert (await listed(entries, BOB))[0] == 2
    assert await listed(entries, uuid4()) == (0, [])


async def test_a_page_is_in_the_order_of_creation(entries: Database) -> None:
    await entries.execute(ENTER, BOB, 5)

    assert await listed(entries, BOB, offset=1, limit=2) == (5, ["entry 2", "entry 3"])
    assert await listed(entries, BOB, offset=9) == (5, [])


async def test_conditions_narrow_page_and_total(entries: Database) -> None:
    await entries.execute(ENTER, BOB, 5)

    narrowing = (("name > {}", "entry 2"), ("name < {}", "entry 5"))

    assert await listed(entries, BOB, *narrowing, limit=1) == (2, ["entry 3"])


async def test_an_owner_of_whom_statistics_know_nothing_is_read_in_order(
    entries: Database,
) -> None:
    await freeze_statistics(entries)
    await entries.execute(ENTER, BOB, 50_000)

    text, arguments = page_statement(
        "entries", "id", "id, name, created_at", BOB, (), Page(offset=10)
    )
    seen = "\n".join(row[0] for row in await entries.fetch(f"EXPLAIN {text}", *arguments))

    assert "using entries_by_owner" in seen
    assert "Bitmap Heap Scan on entries" not in seen
    assert "Incremental Sort" not in seen
