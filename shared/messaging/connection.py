"""A plain connection to NATS, which may come and go while the service works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.errors import Unavailable
from shared.tasks import stop

logger = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0
_FLUSH_SECONDS = 2


class Connection:
    """Connects in the background and stays connected; nobody waits for it at start."""

    def __init__(self, url: str, name: str, on_reconnect: Callable[[], None]) -> None:
        self._url = url
        self._name = name
        self._on_reconnect = on_reconnect
        self._client = Client()
        self._was_reached = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, name: str, *, on_reconnect: Callable[[], None] = lambda: None
    ) -> AsyncIterator[Connection]:
        """Start connecting; close at the end.

        Args:
            on_reconnect: Told each time the connection was lost and found again.
        """
        connection = cls(url, name, on_reconnect)
        connecting = asyncio.create_task(connection._connect(), name="nats-connect")
        try:
            yield connection
        finally:
            await stop(connecting)
            # It asserts that connecting has at least begun.
            with suppress(NatsError, OSError, TimeoutError, AssertionError):
                await asyncio.wait_for(connection._client.close(), 2)

    async def client(self) -> Client:
        """The client; waits until NATS has been reached once."""
        await self._was_reached.wait()
        return self._client

    def connected_client(self) -> Client:
        """The client, if the connection stands right now; raises Unavailable."""
        if not self._client.is_connected:
            raise Unavailable("the message broker does not answer")
        return self._client

    async def is_up(self) -> bool:
        """Whether the connection stands right now."""
        return self._client.is_connected

    async def flush(self) -> None:
        """Wait until the broker has taken all that was published; raises Unavailable."""
        try:
            await self.connected_client().flush(timeout=_FLUSH_SECONDS)
        except (NatsError, OSError, TimeoutError):
            raise Unavailable("the message broker does not answer") from None

    async def _connect(self) -> None:
        while not self._client.is_connected:
            try:
                await self._client.connect(
                    self._url.split(","),
                    name=self._name,
                    connect_timeout=2,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    error_cb=_log,
                    reconnected_cb=self._reconnected,
                )
            except (NatsError, OSError) as error:  # refused, by a wrong password for example
                await _log(error)
                await asyncio.sleep(_RETRY_SECONDS)
        self._was_reached.set()

    async def _reconnected(self) -> None:
        self._on_reconnect()


async def _log(error: Exception) -> None:
    logger.warning("nats_error", error=str(error) or type(error).__name__)
