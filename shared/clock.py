"""Time as the wire writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


def utc_now() -> datetime:
    """The present moment, aware, in UTC, with microseconds (PostgreSQL's resolution)."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with suffix `Z` and no trailing zeros in the fraction."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    if "." in text:
        text = text.rstrip("0")
    return f"{text}Z"


def parse_timestamp(text: str) -> datetime:
    """Read what `timestamp` wrote."""
    return datetime.fromisoformat(text)
