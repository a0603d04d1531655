"""Words that several services' wire types share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta

JsonObject = dict[str, Any]

Name = Annotated[str, Meta(max_length=1024, description="Display name, not unique.")]
MetadataInput = Annotated[
    dict[str, Any] | str | None,
    Meta(description="JSON object; the first clients send it as text."),
]
StatusFilter = Annotated[
    Literal["", "enabled", "disabled", "all"], Meta(description="Status wanted; enabled if empty.")
]
Visibility = Annotated[
    Literal["", "mine", "shared", "all"],
    Meta(description="Own entries, entries shared with the caller, or both."),
]


class Status(StrEnum):
    """Whether an entity takes part."""

    ENABLED = "enabled"
    DISABLED = "disabled"
