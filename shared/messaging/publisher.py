"""Publishes device messages and knows that the broker has taken them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nats.errors import BadSubjectError, MaxPayloadError
from nats.errors import Error as NatsError

from shared.calls import Calling
from shared.errors import InvalidInput, Unavailable
from shared.messaging.connection import Connection

# The broker counts headers too, and closes the connection of who sends more than it takes.
_HEADER_BYTES = 512


class MessageTooLarge(Exception):
    """Longer than the broker takes."""


class MessagePublisher:
    """Messages that are published at the same time wait for one sign of the broker together.

    One such round trip is on its way at a time: who comes meanwhile waits for the next.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Publish a message and wait until the broker has it.

        Raises:
            Unavailable: The broker does not answer; it may have the message all the same.
            MessageTooLarge: It would not take it.
            InvalidInput: It has no such subject.
        """
        with Calling("nats", Unavailable):
            client = self._connection.connected_client()
            if len(payload) + _HEADER_BYTES > client.max_payload:
                raise MessageTooLarge
            try:
                await client.publish(subject, payload, headers=dict(headers))
            except MaxPayloadError:
                raise MessageTooLarge from None
            except BadSubjectError:
                raise InvalidInput("malformed subject") from None
            except (NatsError, OSError):
                raise Unavailable("the message broker does not answer") from None
            await self._taken()

    async def _taken(self) -> None:
        if self._next is None:
            self._next = asyncio.create_task(self._flush_after(self._running))
        await asyncio.shield(self._next)

    async def _flush_after(self, running: asyncio.Task[None] | None) -> None:
        if running is not None:
            await asyncio.wait([running])
        # From here on a message may be published too late for this round trip.
        self._running, self._next = self._next, None
        await self._connection.flush()
