"""Pages of lists, put together from the conditions that are asked for.

A condition that is not asked for is not in the statement, so that PostgreSQL can keep its plans and
the default list reads its page from an index and its total from the tallies. The columns of a page
are read only for the entries on it.

Statistics are minutes old, and after a bulk creation wrong by everything it made. So the order of
an owner's list is asked for in a way that leaves the planner no other choice: see `_in_order`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import Struct

from services.things.domain import Family, Filter, Reach
from shared.contracts.common import Status
from shared.http.paging import Page

ANCHORED_FROM = 5_000
ANCHOR_ENTRIES = 2_000
_MOST = 2**63 - 1
_OWNERS_ORDER = "owner_id, status, created_at, id"

_THING_COLUMNS = (
    "id, owner_id, name, tags, secret, metadata, created_at, updated_at, updated_by, status"
)
_CHANNEL_COLUMNS = (
    "id, owner_id, parent_id, name, description, metadata, created_at, updated_at, updated_by, "
    "status"
)


class Kind(Struct, frozen=True):
    """What is listed.

    Attributes:
        shared: Ids of what is shared with a user, whose id takes the place of `{user}`.
    """

    table: str
    entity: str
    columns: str
    shared: str


THINGS = Kind(
    "things",
    "thing",
    _THING_COLUMNS,
    "SELECT connections.thing_id FROM shares JOIN connections USING (channel_id) "
    "WHERE shares.user_id = {user} AND 'c_list' = ANY (shares.actions)",
)
CHANNELS = Kind(
    "channels",
    "channel",
    _CHANNEL_COLUMNS,
    "SELECT channel_id FROM shares WHERE user_id = {user} AND 'g_list' = ANY (actions)",
)


class Source(Struct, frozen=True):
    """A part of a list.

    Attributes:
        conditions: What is in it.
        order: The list's order, in the words in which an index has it.
    """

    conditions: list[str]
    order: str = "created_at, id"


class Statement:
    """Text and arguments of a statement while it is put together."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []

    def given(self, value: Any, kind: str) -> str:
        """The place of an argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}::{kind}"


def list_statement(kind: Kind, reach: Reach, wanted: Filter, page: Page) -> tuple[str, list[Any]]:
    """One page and the number of all matches."""
    statement = Statement()
    filters = _filters(statement, wanted)
    own, shared = _sources(kind, statement, reach, wanted.statuses, filters)
    counted = [_count(_select(kind, source)) for source in shared]
    if filters:
        counted += [_count(_select(kind, source)) for source in own]
    elif own:
        counted.append(_tallied(kind, statement, reach, wanted.statuses))
    sources = [*own, *shared]
    if len(sources) == 1:
        source = sources[0]
        if not page.offset:
            return _first_page(kind, source, counted, page), statement.arguments
        place = _place(statement, page)
        return _page(kind, _select(kind, source), counted, place, source.order), statement.arguments
    # Each in order by itself, else PostgreSQL may sort all of them together instead of merging.
    most = str(page.limit)
    if page.offset:
        most = statement.given(min(page.offset + page.limit, _MOST), "bigint")
    matching = " UNION ALL ".join(
        f"(SELECT id, created_at FROM {kind.table} WHERE {_where(source)} "  # noqa: S608
        f"ORDER BY {source.order} LIMIT {most})"
        for source in sources
    )
    return _page(kind, matching, counted, _place(statement, page)), statement.arguments


def deep_statement(kind: Kind, reach: Reach, status: Status, page: Page) -> tuple[str, list[Any]]:
    """The same for an owner's list without filters, starting at the anchor before the page."""
    statement = Statement()
    owner = statement.given(reach.owner_id, "uuid")
    offset = statement.given(page.offset, "bigint")
    entries = Source(
        [
            f"({_OWNERS_ORDER}) >= (SELECT {owner}, '{status}', created_at, id FROM place)",  # noqa: S608
            f"(owner_id, status) <= (SELECT {owner}, '{status}')",
        ],
        order=_OWNERS_ORDER,
    )
    places = f"""
        WITH places AS (
            SELECT created_at, id, sum(entries) OVER (ORDER BY created_at, id) AS before
            FROM anchors WHERE owner_id = {owner} AND status = '{status}'
            UNION ALL SELECT '-infinity', '00000000-0000-0000-0000-000000000000', 0
        ), place AS MATERIALIZED (
            SELECT created_at, id, before FROM places
            WHERE before <= {offset} ORDER BY created_at DESC, id DESC LIMIT 1
        )
    """  # noqa: S608 - names of ours, parameter numbers
    counted = [_tallied(kind, statement, reach, [status])]
    skip = f"OFFSET {offset} - (SELECT before FROM place)::bigint LIMIT {page.limit}"  # noqa: S608
    page_text = _page(kind, _select(kind, entries), counted, skip, entries.order)
    return places + page_text, statement.arguments


def connected_statement(
    kind: Kind, other: Kind, other_id: UUID, wanted: Filter, page: Page
) -> tuple[str, list[Any]]:
    """One page of what is connected to an entity of the other kind, and the number of matches."""
    statement = Statement()
    conditions = [
        f"connections.{other.entity}_id = {statement.given(other_id, 'uuid')}",
        *_filters(statement, wanted),
    ]
    if wanted.status is not None:
        conditions.append(f"status = '{wanted.status}'")
    matching = (
        f"SELECT {kind.table}.id, {kind.table}.created_at "  # noqa: S608 - names of ours
        f"FROM connections JOIN {kind.table} ON {kind.table}.id = connections.{kind.entity}_id "
        f"WHERE {' AND '.join(conditions)}"
    )
    place = _place(statement, page)
    return _page(kind, matching, [_count(matching)], place), statement.arguments


def family_statement(
    kind: Kind, reach: Reach, family: Family, wanted: Filter, page: Page
) -> tuple[str, list[Any]]:
    """One page of a channel's relatives that may be shown, with their levels."""
    statement = Statement()
    filters = _filters(statement, wanted)
    root = statement.given(family.channel_id, "uuid")
    levels = statement.given(family.levels, "integer")
    own, shared = _sources(kind, statement, reach, wanted.statuses, filters)
    reachable = " UNION ALL ".join(
        f"SELECT id, created_at FROM {kind.table} WHERE {_where(source)}"  # noqa: S608
        for source in [*own, *shared]
    )
    step, sign, path = (
        ("relative.id = family.parent_id", "-", "''")
        if family.is_upwards
        else ("relative.parent_id = family.id", "+", "family.path || '.' || relative.id")
    )
    place = _place(statement, page)
    text = f"""
        WITH RECURSIVE family AS (
            SELECT id, parent_id, 0 AS level, id::text AS path FROM channels WHERE id = {root}
            UNION ALL
            SELECT relative.id, relative.parent_id, family.level {sign} 1, {path}
            FROM family JOIN channels AS relative ON {step}
            WHERE abs(family.level) < {levels}
        ), nearest AS (
            SELECT DISTINCT ON (id) id, level, path FROM family ORDER BY id, abs(level)
        ), matching AS (
            SELECT id, created_at FROM ({reachable}) AS reachable
            WHERE id IN (SELECT id FROM nearest)
        ), page AS (
            SELECT id FROM matching ORDER BY created_at, id {place}
        ), matches AS (
            SELECT count(*) AS total FROM matching
        )
        SELECT matches.total, shown.*
        FROM matches LEFT JOIN (
            SELECT {kind.columns}, level, path
            FROM page JOIN channels USING (id) JOIN nearest USING (id)
        ) AS shown ON true
        ORDER BY shown.created_at, shown.id
    """  # noqa: S608 - names of ours, parameter numbers
    return text, statement.arguments


def _filters(statement: Statement, wanted: Filter) -> list[str]:
    filters = []
    if wanted.name is not None:
        filters.append(f"name = {statement.given(wanted.name, 'text')}")
    if wanted.tag is not None:
        tag = statement.given(wanted.tag, "text")
        filters.append(f"tags @> ARRAY[{tag}] AND tags <> '{{}}'")  # as their index says
    if wanted.metadata is not None:
        filters.append(f"metadata @> {statement.given(wanted.metadata, 'jsonb')}")
    return filters


def _sources(
    kind: Kind, statement: Statement, reach: Reach, statuses: list[Status], filters: list[str]
) -> tuple[list[Source], list[Source]]:
    """The parts of a list, own and shared ones; no entry is in two of them.

    Each status is a part of its own, so that each is read in order from its index. Everybody's
    index spells the status in its own way: where statistics know one owner only, it would look as
    good for another owner's list as that owner's own index, and read all entries of the first.
    """
    own, shared = [], []
    for status in statuses:
        has_status = f"status = '{status}'"
        if reach.owner_id is not None:
            owner = statement.given(reach.owner_id, "uuid")
            if filters:  # of which one may be rarer than the owner
                own.append(Source([f"owner_id = {owner}", has_status, *filters]))
            else:
                own.append(_in_order(owner, status))
        elif reach.shared_with is None:
            own.append(Source([f"lower(status) = '{status}'", *filters]))
        if reach.shared_with is not None:
            user = statement.given(reach.shared_with, "uuid")
            is_shared = f"id IN ({kind.shared.format(user=user)})"
            shared.append(Source([is_shared, f"owner_id <> {user}", has_status, *filters]))
    return own, shared


def _in_order(owner: str, status: Status) -> Source:
    """All entries of an owner with a status, as their index has them.

    Written as a range whose ends the planner cannot look up, because of an owner whom statistics
    do not know it would expect a handful of entries: reading and sorting them looks as good then
    as reading the index in order, and takes a hundred thousand times longer if there are many.
    """
    owners = f"(SELECT {owner}, '{status}')"
    return Source(
        [f"(owner_id, status) >= {owners}", f"(owner_id, status) <= {owners}"],
        order=_OWNERS_ORDER,
    )


def _place(statement: Statement, page: Page) -> str:
    """Where the page is, plain to the planner where that decides how to read it."""
    skip = f"OFFSET {statement.given(page.offset, 'bigint')} " if page.offset else ""
    return f"{skip}LIMIT {page.limit}"


def _select(kind: Kind, source: Source) -> str:
    return f"SELECT {source.order} FROM {kind.table} WHERE {_where(source)}"  # noqa: S608


def _where(source: Source) -> str:
    return " AND ".join(source.conditions)


def _count(selected: str) -> str:
    return f"(SELECT count(*) FROM ({selected}) AS counted)"  # noqa: S608


def _tallied(kind: Kind, statement: Statement, reach: Reach, statuses: list[Status]) -> str:
    conditions = [f"entity = '{kind.entity}'"]
    if reach.owner_id is not None:
        conditions.append(f"owner_id = {statement.given(reach.owner_id, 'uuid')}")
    if len(statuses) == 1:
        conditions.append(f"status = '{statuses[0]}'")
    return (
        "(SELECT coalesce(sum(entries), 0)::bigint FROM tallies "  # noqa: S608
        f"WHERE {' AND '.join(conditions)})"
    )


def _first_page(kind: Kind, source: Source, counted: list[str], page: Page) -> str:
    """The page most often asked for: nothing is skipped, so entries are read where they are met."""
    return f"""
        SELECT matches.total, shown.*
        FROM (SELECT {" + ".join(counted)} AS total) AS matches
        LEFT JOIN (
            SELECT {kind.columns} FROM {kind.table} WHERE {_where(source)}
            ORDER BY {source.order} LIMIT {page.limit}
        ) AS shown ON true
        ORDER BY shown.created_at, shown.id
    """  # noqa: S608 - names of ours, parameter numbers


def _page(
    kind: Kind, matching: str, counted: list[str], place: str, order: str = "created_at, id"
) -> str:
    return f"""
        SELECT matches.total, shown.*
        FROM (SELECT {" + ".join(counted)} AS total) AS matches
        LEFT JOIN (
            SELECT entry.*
            FROM (SELECT id FROM ({matching}) AS matching ORDER BY {order} {place}) AS page
            CROSS JOIN LATERAL (
                SELECT {kind.columns} FROM {kind.table} WHERE {kind.table}.id = page.id LIMIT 1
            ) AS entry
        ) AS shown ON true
        ORDER BY shown.created_at, shown.id
    """  # noqa: S608 - names of ours, parameter numbers
