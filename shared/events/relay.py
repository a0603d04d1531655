"""Publishes what the outbox holds, in order, until it is acknowledged by JetStream.

One relay per database works at a time, holding an advisory lock; the others stand by. An event
leaves the outbox after the broker has stored it, with the look for the next ones, and carries its
id as `Nats-Msg-Id`, so a repeat after a crash is dropped by the broker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog
from nats.errors import Error as NatsError
from nats.js.api import PubAck
from prometheus_client import Counter

from shared.calls import Calling
from shared.events.broker import STREAM, Broker
from shared.postgres.outbox import Outbox
from shared.tasks import stop

logger = structlog.get_logger(__name__)

PUBLISHED = Counter("outbox_published_total", "Events that JetStream has stored.")

_LOCK = 0x534D5132  # "SMQ2"
_BATCH = 500
_POLL_SECONDS = 0.2
_GATHER_SECONDS = 0.05  # between batches, which cost two round trips whatever is in them
_RETRY_SECONDS = 1.0
_ACK_SECONDS = 10.0

# A queue is empty whenever statistics are taken, so PostgreSQL would read and sort all of it, with
# what is deleted but not yet cleaned up. And what was published may be deleted a moment later: if
# that is lost in a crash, the event is published again and dropped by the broker.
_SESSION = "SET enable_seqscan = off; SET enable_sort = off; SET synchronous_commit = off"

# What was published leaves with the look for the next ones. The look does not see it gone.
_NEXT = """
    WITH published AS (
        DELETE FROM outbox WHERE sequence = ANY ($1::bigint[])
    )
    SELECT sequence, event_id, subject, payload
    FROM outbox
    WHERE sequence <> ALL ($1::bigint[])
    ORDER BY sequence
    LIMIT $2
"""


@asynccontextmanager
async def relaying(url: str, outbox: Outbox, broker: Broker) -> AsyncIterator[None]:
    """Relay for as long as the context lasts.

    Args:
        url: The database of the outbox; the relay holds a connection of its own.
    """
    task = asyncio.create_task(_relay_for_ever(url, outbox, broker), name="outbox-relay")
    try:
        yield
    finally:
        await stop(task)


async def _relay_for_ever(url: str, outbox: Outbox, broker: Broker) -> None:
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=10)
            try:
                await connection.execute(_SESSION)
                await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=None)
                await _relay(connection, outbox, broker)
            finally:
                connection.terminate()
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # used while the server's farewell was being read
            NatsError,
        ) as error:
            logger.warning("relay_interrupted", error=str(error) or type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)


async def _relay(
    connection: asyncpg.Connection[asyncpg.Record], outbox: Outbox, broker: Broker
) -> None:
    published: list[int] = []
    try:
        while True:
            events = await connection.fetch(_NEXT, published, _BATCH)
            published = []
            await _publish(events, broker)
            published = [event["sequence"] for event in events]
            if not events:
                await _wait(outbox.written)
            elif len(events) < _BATCH:
                await asyncio.sleep(_GATHER_SECONDS)
    finally:
        if published:  # told to stop meanwhile
            await connection.fetch(_NEXT, published, 0, timeout=1.0)


async def _publish(events: Sequence[asyncpg.Record], broker: Broker) -> None:
    """Hand events to the broker, and wait until it has stored them all."""
    if not events:
        return
    jetstream = await broker.jetstream()
    stored: list[asyncio.Future[PubAck]] = []
    try:
        async with asyncio.timeout(_ACK_SECONDS):
            for event in events:
                stored.append(  # noqa: PERF401 - what was sent is cancelled if a later one fails
                    await jetstream.publish_async(
                        event["subject"],
                        event["payload"],
                        stream=STREAM,
                        headers={"Nats-Msg-Id": str(event["event_id"])},
                    )
                )
            with Calling("nats", NatsError, OSError):
                await asyncio.gather(*stored)
    finally:
        for future in stored:
            future.cancel()
    PUBLISHED.inc(len(events))


async def _wait(written: asyncio.Event) -> None:
    """Until this process has committed an event, or it is time to look for others' events."""
    with suppress(TimeoutError):
        await asyncio.wait_for(written.wait(), _POLL_SECONDS)
    written.clear()
