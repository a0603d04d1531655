"""What the rules of mqtt_auth are tested with: things, a door, devices at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from services.mqtt_auth.domain import Device, DeviceChannel, Link, Login, Presence, Sighting

START = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBERS = count(1)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Things:
    """Devices by key; what happens while somebody is looked up can be set."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.asked = 0

    async def find_device(self, key: str) -> Device | None:
        self.asked += 1
        device = self.devices.get(key)
        if self.meanwhile is not None:
            await self.meanwhile()
        return device

    async def require_visible(self, token: str, thing_id: UUID) -> None:
        """Everything is visible."""


class Door:
    """Remembers who was put out."""

    def __init__(self) -> None:
        self.out: list[Link] = []

    async def put_out(self, links: Sequence[Link]) -> None:
        self.out.extend(links)


class News:
    """Things' events, which can be out of hearing."""

    def __init__(self) -> None:
        self.heard = True

    async def is_heard(self) -> bool:
        return self.heard


class Told:
    """Remembers what other processes were told."""

    def __init__(self) -> None:
        self.grants: list[tuple[Link, UUID, Mapping[UUID, bool]]] = []

    async def tell(self, link: Link, thing_id: UUID, channels: Mapping[UUID, bool]) -> None:
        self.grants.append((link, thing_id, channels))


def link() -> Link:
    """A connection that nobody else has."""
    return Link("server", next(_NUMBERS))


def channel(*actions: str, enabled: bool = True) -> DeviceChannel:
    """A channel of a device."""
    return DeviceChannel(id=uuid4(), actions=frozenset(actions), enabled=enabled)


def device(*channels: DeviceChannel) -> Device:
    """A device in channels."""
    return Device(thing_id=uuid4(), channels=channels)


def login(who: Device, **members: str) -> Login:
    """A device at the door, with the key `key`."""
    user = members.pop("user", str(who.thing_id))
    fields = {"protocol": "mqtt", "client_id": user, "server_version": "2.15.1"} | members
    return Login(link=link(), user=user, key="key", **fields)  # type: ignore[arg-type]


def sighting(where: Link, thing_id: UUID, since: datetime = START) -> Sighting:
    """What the broker tells about a connection."""
    presence = Presence(since=since, protocol="mqtt")
    return Sighting(link=where, thing_id=thing_id, presence=presence)
