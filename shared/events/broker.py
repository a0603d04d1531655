"""The connection to NATS, which may come and go while the service works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from shared.tasks import stop

logger = structlog.get_logger(__name__)

STREAM = "EVENTS"
_SUBJECTS = ["events.>"]
_MAX_AGE_SECONDS = 7 * 24 * 3600
_RETRY_SECONDS = 1.0


class Broker:
    """Connects in the background and stays connected; nobody waits for it at start."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._client = Client()
        self._jetstream: asyncio.Future[JetStreamContext] = (
            asyncio.get_running_loop().create_future()
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, name: str) -> AsyncIterator[Broker]:
        """Start connecting; close at the end."""
        broker = cls(url, name)
        connecting = asyncio.create_task(broker._connect(), name="nats-connect")
        try:
            yield broker
        finally:
            await stop(connecting)
            with suppress(NatsError, OSError):
                await asyncio.wait_for(broker._client.close(), 2)

    async def jetstream(self) -> JetStreamContext:
        """JetStream with the event stream in place; waits until NATS has been reached once."""
        return await asyncio.shield(self._jetstream)

    async def listen(self, subject: str, handle: Callable[[bytes], None]) -> None:
        """Get every event of a subject from now on, unless the connection is down just then.

        Nothing is kept for who is not there; `following` is for those who may miss nothing.
        """

        async def pass_on(message: Msg) -> None:
            handle(message.data)

        await self.jetstream()
        await self._client.subscribe(subject, cb=pass_on)
        await self._client.flush()

    @property
    def reconnects(self) -> int:
        """How often the connection was lost and found again."""
        return int(self._client.stats["reconnects"])

    async def is_up(self) -> bool:
        """Whether the connection stands right now."""
        return self._client.is_connected

    async def _connect(self) -> None:
        """Reach NATS, however long it takes; the client stays connected by itself afterwards."""
        await self._client.connect(
            self._url.split(","),
            name=self._name,
            connect_timeout=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=_log,
        )
        jetstream = self._client.jetstream(timeout=5)
        while True:
            try:
                await _ensure_stream(jetstream)
                break
            except (NatsError, OSError) as error:
                await _log(error)
                await asyncio.sleep(_RETRY_SECONDS)
        self._jetstream.set_result(jetstream)


async def _ensure_stream(jetstream: JetStreamContext) -> None:
    """Create the stream of all events: file storage, kept for seven days."""
    await jetstream.add_stream(
        StreamConfig(
            name=STREAM,
            subjects=_SUBJECTS,
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            max_age=_MAX_AGE_SECONDS,
        )
    )


async def _log(error: Exception) -> None:
    logger.warning("nats_error", error=str(error) or type(error).__name__)
