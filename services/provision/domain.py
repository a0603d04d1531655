"""Layouts and mappings, and what can be wrong with them; no input or output."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject
from shared.contracts.provision import MappingAnswerBody
from shared.errors import Conflict, InvalidInput, Unauthenticated

EXTERNAL_ID = "external_id"


class LayoutThing(Struct, frozen=True, kw_only=True):
    """A thing that every gateway of a layout gets."""

    name: str
    metadata: JsonObject = {}

    @property
    def has_config(self) -> bool:
        """Whether it is the one the gateway's config belongs to."""
        return EXTERNAL_ID in self.metadata


class LayoutChannel(Struct, frozen=True, kw_only=True):
    """A channel that every gateway of a layout gets."""

    name: str
    metadata: JsonObject = {}

    @property
    def kind(self) -> str:
        """`control`, `data`, `export`, or whatever the layout calls it."""
        kind = self.metadata.get("type", "")
        return kind if isinstance(kind, str) else ""


class Layout(Struct, frozen=True, kw_only=True):
    """What one mapping sets up.

    Attributes:
        content: What the gateway's Agent gets to read, None if the layout has none.
        makes_config: Whether a bootstrap config is made.
        whitelists: Whether things are connected and the config is active at once.
    """

    things: tuple[LayoutThing, ...]
    channels: tuple[LayoutChannel, ...]
    content: JsonObject | None = None
    makes_config: bool = True
    whitelists: bool = True


class Gateway(Struct, frozen=True, kw_only=True):
    """What the caller says of a gateway: its label and, if wanted, a name."""

    external_id: str
    external_key: str
    name: str = ""


class MappingStatus(StrEnum):
    """How far a mapping has come.

    RUNNING and UNDOING are worked on by whoever holds the lease; ACTIVE and UNDONE are final.
    """

    RUNNING = "running"
    ACTIVE = "active"
    UNDOING = "undoing"
    UNDONE = "undone"


class StepReport(Struct, frozen=True, kw_only=True):
    """How one step went."""

    name: str
    started_at: datetime
    seconds: float


class Mapping(Struct, frozen=True, kw_only=True):
    """One line of the journal.

    Attributes:
        fingerprint: Keyed hash of who asked for what.
        claims: Whether its external id is taken for all others.
        answer: What its maker got, None unless it is active.
    """

    id: UUID
    owner_id: UUID
    external_id: str
    fingerprint: bytes
    claims: bool
    status: MappingStatus
    gateway: Gateway
    answer: MappingAnswerBody | None
    created_at: datetime


class MissingExternalId(InvalidInput):
    """The gateway's id is needed."""

    code = "external_id_missing"

    def __init__(self) -> None:
        super().__init__("missing entity id")


class MissingExternalKey(InvalidInput):
    """The gateway's key is needed."""

    code = "external_key_missing"

    def __init__(self) -> None:
        super().__init__("missing or invalid bearer entity key")


class NoCredentials(Unauthenticated):
    """Neither the request nor the configuration says for whom to act."""

    code = "credentials_missing"

    def __init__(self) -> None:
        super().__init__("missing or invalid bearer user token")


class ExternalIdTaken(Conflict):
    """Another gateway has this id, or the same one was mapped with other members."""

    code = "external_id_taken"

    def __init__(self, **details: Any) -> None:
        super().__init__("external id already in use", **details)


class MappingRunning(Conflict):
    """The same mapping is being carried out or taken back right now."""

    code = "mapping_running"
    summary = "mapping is still running"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("a mapping of this external id is still running")


class LayoutError(Exception):
    """The configuration file or its layout cannot be used; the text says why."""
