"""What this service makes of things' events.

Each process hears them as they happen, because only it knows whom it is just letting in. One of
them also follows the stream, which tells what happened while none was there. An event that comes
both ways is acted on once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from services.mqtt_auth.service.changes import ChangeService
from shared.contracts.events import Envelope, Event
from shared.contracts.things_events import (
    ChannelDeleted,
    ChannelDisabled,
    ChannelEnabled,
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionUpdated,
    ThingDeleted,
    ThingDisabled,
    ThingSecretChanged,
)
from shared.errors import Unavailable
from shared.events.broker import Broker
from shared.events.consumer import Reactions, following
from shared.tasks import stop

logger = structlog.get_logger(__name__)

_REMEMBERED = 10_000

EventT = TypeVar("EventT", bound=Event)


class Follower:
    """Passes events on to the rules."""

    def __init__(self, changes: ChangeService, broker: Broker) -> None:
        self._broker = broker
        self._is_listening = False
        self._reactions = Reactions()
        self._heard: asyncio.Queue[Envelope] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._done: OrderedDict[bytes, None] = OrderedDict()
        self._on(ThingDisabled, lambda e, at: changes.shut_out([e.thing_id], at))
        self._on(ThingSecretChanged, lambda e, at: changes.shut_out([e.thing_id], at))
        self._on(ThingDeleted, lambda e, at: changes.shut_out(e.thing_ids, at))
        self._on(ConnectionCreated, lambda e, at: changes.connected(e.thing_ids, e.channel_ids, at))
        self._on(
            ConnectionUpdated, lambda e, at: changes.disconnected(e.thing_ids, e.channel_ids, at)
        )
        self._on(
            ConnectionDeleted, lambda e, at: changes.disconnected(e.thing_ids, e.channel_ids, at)
        )
        self._on(ChannelEnabled, lambda e, at: changes.opened([e.channel_id], at))
        self._on(ChannelDisabled, lambda e, at: changes.closed([e.channel_id], at))
        self._on(ChannelDeleted, lambda e, at: changes.closed(e.channel_ids, at))

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow for as long as the context lasts."""
        hearing = asyncio.create_task(self._hear_for_ever(), name="things-news")
        try:
            async with following(self._broker, "mqtt_auth", self._reactions):
                yield
        finally:
            await stop(hearing)

    async def is_heard(self) -> bool:
        """See News."""
        return self._is_listening and await self._broker.is_up()

    def _on(self, kind: type[EventT], act: Callable[[EventT, datetime], Awaitable[None]]) -> None:
        async def handle(event: EventT, happened_at: datetime) -> None:
            key = _digest(event, happened_at)
            async with self._turn:
                if key in self._done:
                    return
                await act(event, happened_at)
                self._done[key] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)

        self._reactions.on_dated(kind, handle)

    async def _hear_for_ever(self) -> None:
        for subject in self._reactions.table:
            await self._broker.listen(subject, self._hear)
        self._is_listening = True
        while True:
            envelope = await self._heard.get()
            kind, handle = self._reactions.table[envelope.subject]
            try:
                await handle(msgspec.json.decode(envelope.data, type=kind), envelope.occurred_at)
            except (Unavailable, msgspec.DecodeError) as error:
                # The stream tells it again, for as long as it takes.
                logger.warning("news_put_off", error=str(error) or type(error).__name__)
            except Exception:
                logger.exception("news_put_off")  # nobody else would go on hearing

    def _hear(self, message: bytes) -> None:
        try:
            self._heard.put_nowait(msgspec.json.decode(message, type=Envelope))
        except msgspec.DecodeError:
            logger.warning("unreadable_news")


def _digest(event: Event, happened_at: datetime) -> bytes:
    """What tells one event from all others; bulk ones are too long to be kept."""
    text = msgspec.json.encode((event.subject, happened_at, event))
    return hashlib.blake2b(text, digest_size=16).digest()
