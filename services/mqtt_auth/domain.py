"""Devices at the broker's door, and how they can be refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.contracts.messages import ProtocolWord


class Link(Struct, frozen=True):
    """One connection of a device, as the broker numbers it."""

    server_id: str
    number: int


class Login(Struct, frozen=True, kw_only=True):
    """A device that wants to be let in.

    Attributes:
        client_id: Of MQTT; empty for others.
        server_version: Of the broker, `2.15.1` for example.
    """

    link: Link
    user: str
    key: str
    protocol: ProtocolWord
    client_id: str = ""
    server_version: str = ""


class DeviceChannel(Struct, frozen=True, kw_only=True):
    """A channel of a device, and what it may do there."""

    id: UUID
    actions: frozenset[str]
    enabled: bool


class Device(Struct, frozen=True, kw_only=True):
    """A thing that takes part, with all its channels."""

    thing_id: UUID
    channels: tuple[DeviceChannel, ...]


class Permissions(Struct, frozen=True, kw_only=True):
    """The subjects that a device may use; nothing else."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class Presence(Struct, frozen=True, kw_only=True):
    """That a device is connected."""

    since: datetime
    protocol: ProtocolWord


class Sighting(Struct, frozen=True, kw_only=True):
    """A connection that the broker has told of."""

    link: Link
    thing_id: UUID
    presence: Presence


class LoginRefused(Exception):
    """A device is not let in; the text is for the log, the device learns nothing."""


def protocol_of(client_type: str) -> ProtocolWord:
    """The broker's word for a kind of client, as this platform says it."""
    match client_type:
        case "mqtt":
            return "mqtt"
        case "websocket" | "ws":
            return "websocket"
        case _:
            return "nats"
