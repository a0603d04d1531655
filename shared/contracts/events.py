"""The shape of every event: a past-tense fact with ids and names of changed members, no values.

Subjects are `events.<service>.<entity>.<fact>`. Delivery is at least once; `id` tells repeats.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct

_ENCODER = msgspec.json.Encoder()


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all events."""

    subject: ClassVar[str]


class Envelope(Struct, frozen=True, kw_only=True):
    """What is published.

    Attributes:
        traceparent: Where the call that made it stands in a trace (W3C Trace Context).
        data: The event's members.
    """

    id: UUID
    subject: str
    occurred_at: datetime
    request_id: str = ""
    traceparent: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


def envelope(
    event: Event, *, event_id: UUID, occurred_at: datetime, request_id: str, traceparent: str = ""
) -> bytes:
    """Encode an event for publishing."""
    members: dict[str, Any] = {
        "id": event_id,
        "subject": event.subject,
        "occurred_at": occurred_at,
        "request_id": request_id,
        "data": event,
    }
    if traceparent:
        members["traceparent"] = traceparent
    return _ENCODER.encode(members)
