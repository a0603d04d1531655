"""The rules of publishing: who may, and what travels with the message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from uuid import UUID

from services.http_adapter.domain import Message
from services.http_adapter.ports import Access, Publisher
from shared.contracts.messages import CONTENT_TYPE, CREATED, PROTOCOL, PUBLISHER
from shared.errors import Forbidden
from shared.messaging.subjects import subject_of

_CHANNEL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class MessageService:
    """Hands messages to the broker for things that may publish them."""

    def __init__(
        self, access: Access, publisher: Publisher, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._access = access
        self._publisher = publisher
        self._now = now

    async def require_publisher(self, key: str, channel_id: str) -> UUID:
        """The thing that has a key, if it may publish in a channel.

        Raises:
            Forbidden: It may not, whatever the reason.
            Unavailable: Nobody can tell.
        """
        # Other spellings of an id would lead past the channel's subscribers.
        if not _CHANNEL_ID.fullmatch(channel_id):
            raise Forbidden
        thing_id = await self._access.find_publisher(key, channel_id)
        if thing_id is None:
            raise Forbidden
        return thing_id

    async def publish(self, thing_id: UUID, message: Message) -> None:
        """Publish a message of a thing; done when the broker has it.

        Raises:
            Unavailable: The broker does not answer.
        """
        await self._publisher.publish(
            subject_of(message.channel_id, message.subtopic),
            message.payload,
            {
                PUBLISHER: str(thing_id),
                PROTOCOL: "http",
                CREATED: str(self._now()),
                CONTENT_TYPE: message.content_type,
            },
        )
