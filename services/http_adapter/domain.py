"""A message on its way, and how it can be refused."""

from __future__ import annotations

from msgspec import Struct

from shared.errors import InvalidInput


class Message(Struct, frozen=True, kw_only=True):
    """What a thing sends to a channel.

    Attributes:
        channel_id: As it was given; it may belong to nothing.
        subtopic: Dotted, empty without one.
        content_type: One of the three that are taken, without parameters.
    """

    channel_id: str
    subtopic: str = ""
    content_type: str
    payload: bytes


class MissingChannel(InvalidInput):
    """The path names no channel, or what cannot be one."""

    code = "malformed_channel"

    def __init__(self) -> None:
        super().__init__("malformed channel id")
