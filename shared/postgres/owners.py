"""Lists of an owner's entries that cost the same with a million of them as with ten.

The total is the sum of a few counters that a trigger keeps in the writing statement and its commit
(docs/adr/0007-counters.md); the page is read in its index's order. Lists with filters are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.http.paging import Page

_TALLIED = (
    "(SELECT coalesce(sum(entries), 0)::bigint AS total FROM owner_tallies WHERE owner_id = $1)"
)
# A range whose ends the planner cannot look up: of an owner whom statistics do not know it would
# expect a handful of entries, for which reading and sorting all of them looks as good as reading
# the index in order. No other index of the table may begin with the owner.
_IN_ORDER = (
    "(owner_id, created_at) >= (SELECT $1::uuid, '-infinity'::timestamptz) "
    "AND (owner_id, created_at) <= (SELECT $1::uuid, 'infinity'::timestamptz)"
)


def page_statement(
    table: str,
    key: str,
    columns: str,
    owner_id: UUID,
    narrowing: Sequence[tuple[str, Any]],
    page: Page,
) -> tuple[str, list[Any]]:
    """A page of an owner's entries, oldest first, in one statement with the number of them all.

    Args:
        table: What `tallied` counts, with an index on owner_id, created_at and the key.
        columns: Those wanted, the key and created_at among them.
        narrowing: Conditions with `{}` in their argument's place, and the arguments.

    Returns:
        Text and arguments. Each row has the `total`; one without a key stands for an empty page.
    """
    numbered = enumerate(narrowing, start=2)
    conditions = [text.format(f"${number}") for number, (text, _) in numbered]
    if conditions:
        entries, order = " AND ".join(["owner_id = $1", *conditions]), f"created_at, {key}"
        total = f"(SELECT count(*) AS total FROM {table} WHERE {entries})"  # noqa: S608
    else:
        entries, order, total = _IN_ORDER, f"owner_id, created_at, {key}", _TALLIED
    arguments = [owner_id, *(argument for _, argument in narrowing)]
    place = f"LIMIT {page.limit}"  # plain to the planner, as what is read depends on it
    if page.offset:
        arguments.append(page.offset)
        place = f"OFFSET ${len(arguments)} {place}"
    text = f"""
        SELECT total, entry.*
        FROM {total} AS counted
        LEFT JOIN (
            SELECT {columns}
            FROM (
                SELECT {key} FROM {table} WHERE {entries}
                ORDER BY {order} {place}
            ) AS page
            JOIN {table} USING ({key})
        ) AS entry ON true
        ORDER BY entry.created_at, entry.{key}
    """  # noqa: S608 - fixed texts and parameter numbers only
    return text, arguments


def tallied(table: str) -> tuple[str, ...]:
    """What a revision creates so that entries are counted; their owners must never change."""
    return (
        """
        CREATE TABLE owner_tallies (
            owner_id uuid NOT NULL,
            slot integer NOT NULL,
            entries bigint NOT NULL,
            PRIMARY KEY (owner_id, slot)
        ) WITH (fillfactor = 50)
        """,
        f"COMMENT ON TABLE owner_tallies IS 'How many {table}: the sum over all slots.'",
        """
        CREATE FUNCTION tally_owners() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO owner_tallies (owner_id, slot, entries)
                SELECT owner_id, pg_backend_pid() % 16, count(*)
                FROM made GROUP BY owner_id ORDER BY owner_id
                ON CONFLICT (owner_id, slot) DO UPDATE
                SET entries = owner_tallies.entries + excluded.entries;
            ELSE
                INSERT INTO owner_tallies (owner_id, slot, entries)
                SELECT owner_id, pg_backend_pid() % 16, -count(*)
                FROM gone GROUP BY owner_id ORDER BY owner_id
                ON CONFLICT (owner_id, slot) DO UPDATE
                SET entries = owner_tallies.entries + excluded.entries;
            END IF;
            RETURN NULL;
        END
        $$
        """,
        # Nobody writes between the count and the trigger's first.
        f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE",
        f"INSERT INTO owner_tallies SELECT owner_id, 0, count(*) FROM {table} GROUP BY owner_id",  # noqa: S608
        f"CREATE TRIGGER {table}_made AFTER INSERT ON {table} REFERENCING NEW TABLE AS made "
        "FOR EACH STATEMENT EXECUTE FUNCTION tally_owners()",
        f"CREATE TRIGGER {table}_gone AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION tally_owners()",
    )
