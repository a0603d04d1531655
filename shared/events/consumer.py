"""Follows other services' events: durable, in order, and safe to repeat.

JetStream keeps the place, so a service that was down catches up. An event whose handler fails is
tried again with growing pauses and then parked: counted, logged with its id,
and left out, so that those behind it go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from prometheus_client import Counter

from shared.contracts.events import Envelope, Event
from shared.events.broker import STREAM, Broker
from shared.logging import REQUEST_ID

logger = structlog.get_logger(__name__)

HANDLED = Counter("events_handled_total", "Events that were acted on.", ["subject"])
PARKED = Counter("events_parked_total", "Events given up after repeated failures.", ["subject"])

_BATCH = 100
_FETCH_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_PAUSES_SECONDS = (0.2, 1.0, 5.0, 15.0)

EventT = TypeVar("EventT", bound=Event)
Handle = Callable[[Any], Awaitable[None]]


class Reactions:
    """Which function acts on which event."""

    def __init__(self) -> None:
        self._table: dict[str, tuple[type[Event], Handle]] = {}

    def on(self, kind: type[EventT], handle: Callable[[EventT], Awaitable[None]]) -> None:
        """Act on every event of a kind; `handle` must bear being called twice with one event."""
        self._table[kind.subject] = (kind, handle)

    @property
    def table(self) -> Mapping[str, tuple[type[Event], Handle]]:
        """Subject to type and function."""
        return self._table


@asynccontextmanager
async def following(broker: Broker, durable: str, reactions: Reactions) -> AsyncIterator[None]:
    """Follow events for as long as the context lasts.

    Args:
        durable: Name under which JetStream keeps the place; one per following service.
    """
    task = asyncio.create_task(_follow_for_ever(broker, durable, reactions), name=durable)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow_for_ever(broker: Broker, durable: str, reactions: Reactions) -> None:
    while True:
        try:
            jetstream = await broker.jetstream()
            subscription = await _subscribe(jetstream, durable, list(reactions.table))
            try:
                while True:
                    with suppress(TimeoutError):  # nothing came in this while
                        for message in await subscription.fetch(_BATCH, timeout=_FETCH_SECONDS):
                            await _handle(message, reactions)
            finally:
                # Otherwise the broker goes on delivering to a fetch that nobody waits for.
                with suppress(NatsError):
                    await subscription.unsubscribe()
        except (NatsError, OSError) as error:
            logger.warning("consumer_interrupted", durable=durable, error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)


async def _subscribe(
    jetstream: JetStreamContext, durable: str, subjects: list[str]
) -> JetStreamContext.PullSubscription:
    await jetstream.add_consumer(
        STREAM,
        ConsumerConfig(
            durable_name=durable,
            filter_subjects=subjects,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=30,
            max_ack_pending=_BATCH,
        ),
    )
    return await jetstream.pull_subscribe_bind(durable=durable, stream=STREAM)


async def _handle(message: Msg, reactions: Reactions) -> None:
    """Act on one message and tell the broker how it went.

    The failed one is retried here, before the next: later events may build on it.
    """
    kind, handle = reactions.table[message.subject]
    for pause in (*_PAUSES_SECONDS, None):
        try:
            envelope = msgspec.json.decode(message.data, type=Envelope)
            REQUEST_ID.set(envelope.request_id)
            await handle(msgspec.json.decode(envelope.data, type=kind))
        except Exception:
            logger.exception("event_failed", subject=message.subject, parked=pause is None)
            if pause is None:
                PARKED.labels(message.subject).inc()
                await message.term()
                return
            await message.in_progress()
            await asyncio.sleep(pause)
        else:
            HANDLED.labels(message.subject).inc()
            await message.ack()
            return
