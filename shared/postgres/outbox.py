"""Changes and the events that tell them, in one statement and so in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared.clock import utc_now
from shared.contracts.events import Event, envelope
from shared.logging import REQUEST_ID
from shared.postgres.pool import Connection, Database
from shared.tracing import TRACEPARENT

ANNOUNCING = "{announcing}"
Announcement = tuple[UUID, str, bytes]  # id, subject, payload


class Outbox:
    """Writes a service's changes.

    A statement says where its event goes: it has a CTE named `changed` and, behind it, the word
    `{announcing}`, in whose place the event's CTE is put. No row changed: no event.

    Attributes:
        written: Set after each commit, so that the relay need not poll.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.written = asyncio.Event()

    async def fetch(
        self, statement: str, *arguments: Any, event: Event, otherwise: Event | None = None
    ) -> list[asyncpg.Record]:
        """Change, announce, and answer the rows.

        Args:
            otherwise: Told instead of `event` where the rows of `changed` are of the other kind:
                the statement has a CTE `changed_otherwise` too.
        """
        events = [event] if otherwise is None else [event, otherwise]
        rows = await self._database.fetch(
            announced(statement, len(arguments), len(events)),
            *arguments,
            *(column for each in events for column in announcement(each)),
        )
        self.written.set()
        return rows

    async def fetchrow(
        self, statement: str, *arguments: Any, event: Event
    ) -> asyncpg.Record | None:
        """Change, announce, and answer the first row, or None."""
        rows = await self.fetch(statement, *arguments, event=event)
        return rows[0] if rows else None

    async def fetch_each(
        self, statement: str, *arguments: Any, told: Mapping[UUID, Announcement]
    ) -> list[asyncpg.Record]:
        """Change many things and announce each by an event of its own.

        Args:
            told: By the column `key` of the statement's CTE `changed`: what is told of a row, if
                it changed.
        """
        events = list(told.values())
        rows = await self._database.fetch(
            announced_each(statement, len(arguments)),
            *arguments,
            list(told),
            [event_id for event_id, _, _ in events],
            [subject for _, subject, _ in events],
            [payload for _, _, payload in events],
        )
        self.written.set()
        return rows

    @staticmethod
    async def append(connection: Connection, event: Event) -> None:
        """Add an event inside a transaction of several statements; call `written.set()` after."""
        await connection.execute(
            "INSERT INTO outbox (event_id, subject, payload) VALUES ($1, $2, $3)",
            *announcement(event),
        )

    @staticmethod
    async def append_all(connection: Connection, events: Sequence[Event]) -> None:
        """Add events in their order, as `append` does one."""
        if not events:
            return
        told = [announcement(event) for event in events]
        await connection.execute(
            """
            INSERT INTO outbox (event_id, subject, payload)
            SELECT event_id, subject, payload
            FROM unnest($1::uuid[], $2::text[], $3::bytea[])
                WITH ORDINALITY AS told (event_id, subject, payload, place)
            ORDER BY place
            """,
            [event_id for event_id, _, _ in told],
            [subject for _, subject, _ in told],
            [payload for _, _, payload in told],
        )


@cache
def announced(statement: str, arguments: int, events: int = 1) -> str:
    """The statement with its events' CTEs, whose parameters follow the statement's own."""
    if ANNOUNCING not in statement:
        raise ValueError("the statement does not say where its event goes")
    announcing = ""
    for place, suffix in enumerate(("", "_otherwise")[:events]):
        first = arguments + 3 * place + 1
        announcing += f""", announced{suffix} AS (
            INSERT INTO outbox (event_id, subject, payload)
            SELECT ${first}::uuid, ${first + 1}::text, ${first + 2}::bytea
            WHERE EXISTS (SELECT FROM changed{suffix})
        )"""  # noqa: S608 - parameter numbers only
    return statement.replace(ANNOUNCING, announcing)


@cache
def announced_each(statement: str, arguments: int) -> str:
    """The statement with the CTE of many events, each told if the row of its key changed.

    How many events there are does not show (ADR 19).
    """
    if ANNOUNCING not in statement:
        raise ValueError("the statement does not say where its events go")
    first = arguments + 1
    return statement.replace(
        ANNOUNCING,
        f""", announced AS (
            INSERT INTO outbox (event_id, subject, payload)
            SELECT told.event_id, told.subject, told.payload
            FROM unnest((SELECT ${first}::uuid[]), ${first + 1}::uuid[], ${first + 2}::text[],
                        ${first + 3}::bytea[]) AS told (key, event_id, subject, payload)
            WHERE told.key IN (SELECT key FROM changed)
        )""",  # noqa: S608 - parameter numbers only
    )


def announcement(event: Event) -> Announcement:
    """An event as the outbox keeps it, told by the request at work."""
    event_id = uuid4()
    return (
        event_id,
        event.subject,
        envelope(
            event,
            event_id=event_id,
            occurred_at=utc_now(),
            request_id=REQUEST_ID.get(),
            traceparent=TRACEPARENT.get(),
        ),
    )
