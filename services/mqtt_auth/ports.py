"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from services.mqtt_auth.domain import Device, Link


class Things(Protocol):
    """The things service."""

    async def find_device(self, key: str) -> Device | None:
        """The thing that has a key and takes part; raises Unavailable."""

    async def require_visible(self, token: str, thing_id: UUID) -> None:
        """Raises NotFound unless the user of a token may see a thing."""


class Grants(Protocol):
    """Tells the other processes of this service who was let in."""

    async def tell(self, link: Link, thing_id: UUID, channels: Mapping[UUID, bool]) -> None:
        """What is lost makes the others more careful, nothing else."""


class News(Protocol):
    """Things' events, as they happen."""

    async def is_heard(self) -> bool:
        """Whether nothing that happens now is missed."""


class Door(Protocol):
    """Where connections are ended."""

    async def put_out(self, links: Sequence[Link]) -> None:
        """End connections; raises Unavailable unless the broker has heard it."""
