"""Messages over HTTP, as devices send them."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

import aiohttp

from shared.clients.base import Peer

SENML = "application/senml+json"


class MessagesClient:
    """Calls the HTTP adapter; every call takes the key of the thing that sends."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "http_adapter", base_url, timeout_seconds)

    async def send(
        self,
        key: str,
        channel_id: UUID,
        payload: bytes,
        *,
        subtopic: str = "",
        content_type: str = SENML,
    ) -> None:
        """Send a message to all who listen in a channel.

        Args:
            subtopic: Levels with dots or slashes between them.

        Raises:
            Forbidden: No thing has the key, or it may not write in the channel.
            InvalidInput: The subtopic cannot be one, or the message is too long.
        """
        below = f"/{quote(subtopic, safe='./')}" if subtopic else ""
        await self._peer.call(
            "POST",
            f"/channels/{channel_id}/messages{below}",
            body=payload,
            headers={"Authorization": f"Thing {key}", "Content-Type": content_type},
        )
