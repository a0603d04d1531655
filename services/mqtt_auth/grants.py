"""Who was let in where, told among the processes of this service.

Each of them hears of all changes, and has to know whom a channel's change concerns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.mqtt_auth.domain import Link
from services.mqtt_auth.service.roster import Roster
from shared.errors import Unavailable
from shared.messaging.connection import Connection
from shared.tasks import stop

# In the system account, where nobody but this service talks.
_SUBJECT = "mqtt_auth.granted"


class _Granted(Struct, frozen=True):
    link: Link
    thing_id: UUID
    channels: dict[UUID, bool]


class SharedGrants:
    """See Grants."""

    def __init__(self, connection: Connection, roster: Roster) -> None:
        self._connection = connection
        self._roster = roster

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator[None]:
        """Hear of the others' for as long as the context lasts."""
        subscribing = asyncio.create_task(self._subscribe(), name="grants")
        try:
            yield
        finally:
            await stop(subscribing)

    async def tell(self, link: Link, thing_id: UUID, channels: Mapping[UUID, bool]) -> None:
        granted = _Granted(link, thing_id, dict(channels))
        with suppress(NatsError, OSError, Unavailable):
            client = self._connection.connected_client()
            await client.publish(_SUBJECT, msgspec.json.encode(granted))

    async def _subscribe(self) -> None:
        client = await self._connection.client()
        await client.subscribe(_SUBJECT, cb=self._hear)

    async def _hear(self, message: Msg) -> None:
        with suppress(msgspec.DecodeError):
            granted = msgspec.json.decode(message.data, type=_Granted)
            self._roster.admit(granted.link, granted.thing_id, granted.channels)
