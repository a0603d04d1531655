"""Follows other services' events: durable, in order, and safe to repeat.

JetStream keeps the place, so a service that was down catches up. An event whose handler fails is
tried again with growing pauses and then parked: counted, logged with its id and its place in the
stream, and left out, so that those behind it go on. What is needed and down is waited for longer;
an event that cannot be read is parked at once.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from prometheus_client import Counter, Gauge

from shared.contracts.events import Envelope, Event
from shared.errors import Unavailable
from shared.events.broker import STREAM, Broker
from shared.logging import REQUEST_ID
from shared.tasks import stop
from shared.tracing import Kind, continue_trace, span

logger = structlog.get_logger(__name__)

HANDLED = Counter("events_handled_total", "Events that were acted on.", ["subject"])
PARKED = Counter("events_parked_total", "Events given up after repeated failures.", ["subject"])
BEHIND = Gauge(
    "events_behind", "Events not acted on yet, as last seen.", ["follower"], multiprocess_mode="max"
)

_BATCH = 100
_FETCH_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_PAUSES_SECONDS = (0.2, 1.0, 5.0, 15.0)
_PATIENCE_SECONDS = 3600.0

EventT = TypeVar("EventT", bound=Event)
Handle = Callable[[Any, datetime], Awaitable[None]]


class Reactions:
    """Which function acts on which event."""

    def __init__(self) -> None:
        self._table: dict[str, tuple[type[Event], Handle]] = {}

    def on(self, kind: type[EventT], handle: Callable[[EventT], Awaitable[None]]) -> None:
        """Act on every event of a kind; `handle` must bear being called twice with one event."""

        async def without_time(event: EventT, _: datetime) -> None:
            await handle(event)

        self.on_dated(kind, without_time)

    def on_dated(
        self, kind: type[EventT], handle: Callable[[EventT, datetime], Awaitable[None]]
    ) -> None:
        """The same for a function that is also told when it happened."""
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
        await stop(task)


async def _follow_for_ever(broker: Broker, durable: str, reactions: Reactions) -> None:
    behind = BEHIND.labels(durable)
    while True:
        try:
            jetstream = await broker.jetstream()
            subscription = await _subscribe(jetstream, durable, list(reactions.table))
            try:
                while True:
                    try:
                        messages = await subscription.fetch(_BATCH, timeout=_FETCH_SECONDS)
                    except TimeoutError:
                        messages = []
                    if not messages:  # nothing came in this while
                        behind.set(0)
                        continue
                    waiting = messages[-1].metadata.num_pending
                    for place, message in enumerate(messages):
                        behind.set(waiting + len(messages) - place)
                        await _handle(message, reactions, behind=messages[place + 1 :])
                    behind.set(waiting)
            finally:
                # Otherwise the broker goes on delivering to a fetch that nobody waits for.
                with suppress(NatsError):
                    await subscription.unsubscribe()
        except (NatsError, OSError) as error:
            logger.warning("consumer_interrupted", durable=durable, error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception:
            logger.exception("consumer_interrupted", durable=durable)  # nobody else would follow
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
            # More than a batch: what a process took along when it died would starve the next one's
            # fetches, which then wait for a full batch, until the broker delivers it again.
            max_ack_pending=10 * _BATCH,
        ),
    )
    return await jetstream.pull_subscribe_bind(durable=durable, stream=STREAM)


async def _handle(message: Msg, reactions: Reactions, behind: Sequence[Msg]) -> None:
    """Act on one message and tell the broker how it went.

    The failed one is retried here, before the next: later events may build on it. The broker is
    told to be patient with those behind it too, or it would deliver them again, out of order.
    """
    if message.subject not in reactions.table:
        # A newer release of this service follows it under the same name: leave it to that one.
        await message.nak(delay=_FETCH_SECONDS)
        return
    kind, handle = reactions.table[message.subject]
    try:
        envelope = msgspec.json.decode(message.data, type=Envelope)
        event = msgspec.json.decode(envelope.data, type=kind)
    except msgspec.DecodeError:
        await _park(message, event_id="", reason="unreadable")
        return
    REQUEST_ID.set(envelope.request_id)
    continue_trace(envelope.traceparent)
    started = time.monotonic()
    for attempt in itertools.count():
        try:
            with _span(message.subject, envelope):
                await handle(event, envelope.occurred_at)
        except Exception as error:
            is_patient = (
                isinstance(error, Unavailable) and time.monotonic() - started < _PATIENCE_SECONDS
            )
            logger.exception(
                "event_failed", subject=message.subject, event_id=envelope.id, attempt=attempt + 1
            )
            if attempt >= len(_PAUSES_SECONDS) and not is_patient:
                await _park(message, event_id=str(envelope.id), reason=type(error).__name__)
                return
            for waiting in (message, *behind):
                await waiting.in_progress()
            await asyncio.sleep(_PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)])
        else:
            HANDLED.labels(message.subject).inc()
            await message.ack()
            return


def _span(subject: str, envelope: Envelope) -> AbstractContextManager[object]:
    if not envelope.traceparent:
        return nullcontext()
    return span(subject, Kind.CONSUMER, {"messaging.message.id": str(envelope.id)})


async def _park(message: Msg, *, event_id: str, reason: str) -> None:
    """Leave an event out for good; it stays in the stream, where its place finds it."""
    logger.error(
        "event_parked",
        subject=message.subject,
        event_id=event_id,
        stream_sequence=message.metadata.sequence.stream,
        reason=reason,
    )
    PARKED.labels(message.subject).inc()
    await message.term()
