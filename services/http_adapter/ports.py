"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID


class Access(Protocol):
    """Knows who may publish where."""

    async def find_publisher(self, key: str, channel_id: str) -> UUID | None:
        """The thing that has a key, if it may publish in a channel; raises Unavailable.

        Args:
            channel_id: A UUID in its usual form.
        """


class Publisher(Protocol):
    """The message broker."""

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Hand over a message; raises Unavailable, MessageTooLarge."""
