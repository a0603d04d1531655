"""Device messages: what travels with them, and who is connected."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from msgspec import Struct

from shared.clock import Timestamp

# Headers of a message that the platform published for a thing.
PUBLISHER = "Smq-Publisher"
PROTOCOL = "Smq-Protocol"
CREATED = "Smq-Created"
CONTENT_TYPE = "Content-Type"

ProtocolWord = Literal["mqtt", "websocket", "nats"]


class PresenceBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a thing is connected to the broker, and since when and how it is."""

    thing_id: UUID
    connected: bool
    since: Timestamp = ""
    protocol: ProtocolWord | Literal[""] = ""
