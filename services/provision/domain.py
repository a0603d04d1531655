"""Layouts and mappings, and what can be wrong with them; no input or output."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject
from shared.errors import Conflict, InvalidInput, NotFound, Unauthenticated, Unavailable

EXTERNAL_ID = "external_id"
EXTERNAL_ID_BYTES = 1024
DEFAULT_LAYOUT = "default"


class CertificateWish(Struct, frozen=True, kw_only=True):
    """Which certificate a thing is to get, if the layout makes certificates.

    Attributes:
        ttl: Duration in Go's notation, the layout's if empty.
        key_type: `rsa` or `ecdsa`; what fits the size if empty, else `ecdsa`.
        key_bits: Size of the key, the smallest of its type if 0.
    """

    issue: bool = True
    ttl: str = ""
    key_type: str = ""
    key_bits: int = 0


class LayoutThing(Struct, frozen=True, kw_only=True):
    """A thing that every gateway of a layout gets.

    Attributes:
        alias: What the layout calls it, if not by its name.
        connect: Names of the channels it is connected to; None is all of them.
    """

    name: str
    alias: str = ""
    metadata: JsonObject = {}
    tags: tuple[str, ...] = ()
    connect: tuple[str, ...] | None = None
    certificate: CertificateWish = CertificateWish()

    @property
    def label(self) -> str:
        """What the rest of the layout calls it."""
        return self.alias or self.name

    def is_connected_to(self, channel: LayoutChannel) -> bool:
        """Whether the layout connects it to a channel."""
        return self.connect is None or channel.label in self.connect

    @property
    def has_config(self) -> bool:
        """Whether it is the one the gateway's config belongs to."""
        return EXTERNAL_ID in self.metadata


class LayoutChannel(Struct, frozen=True, kw_only=True):
    """A channel that every gateway of a layout gets.

    Attributes:
        alias: What the layout calls it, if not by its name.
    """

    name: str
    alias: str = ""
    metadata: JsonObject = {}

    @property
    def label(self) -> str:
        """What the rest of the layout calls it."""
        return self.alias or self.name

    @property
    def kind(self) -> str:
        """`control`, `data`, `export`, or whatever the layout calls it."""
        kind = self.metadata.get("type", "")
        return kind if isinstance(kind, str) else ""


class Layout(Struct, frozen=True, kw_only=True):
    """What one mapping sets up.

    Attributes:
        content: What the gateway's Agent gets to read, None if the layout has none.
        name: How requests and the journal call it.
        version: Hash of its content, so that the journal tells by which one a gateway was mapped.
        makes_config: Whether a bootstrap config is made.
        whitelists: Whether things are connected and the config is active at once.
        makes_certificates: Whether its things get certificates.
        is_template: Whether `${...}` in its texts is filled in for each gateway.
        certificate_ttl: How long certificates are good, unless a thing's says otherwise.
    """

    name: str = DEFAULT_LAYOUT
    version: str = ""
    things: tuple[LayoutThing, ...]
    channels: tuple[LayoutChannel, ...]
    content: JsonObject | None = None
    makes_config: bool = True
    whitelists: bool = True
    makes_certificates: bool = False
    is_template: bool = False
    certificate_ttl: str = ""


class Gateway(Struct, frozen=True, kw_only=True):
    """What the caller says of a gateway: its label and, if wanted, a name."""

    external_id: str
    external_key: str
    name: str = ""


class MappingStatus(StrEnum):
    """How far a mapping has come.

    RUNNING, UNDOING and STUCK are worked on by whoever holds the lease. ACTIVE is there; BROKEN was
    there, until somebody took a part away. UNDONE and DELETED are history.
    """

    RUNNING = "running"
    ACTIVE = "active"
    BROKEN = "broken"
    UNDOING = "undoing"
    STUCK = "stuck"
    UNDONE = "undone"
    DELETED = "deleted"


class Goal(StrEnum):
    """What a mapping that is being taken back will be in the end."""

    UNDONE = "undone"
    DELETED = "deleted"


class StepReport(Struct, frozen=True, kw_only=True):
    """How one step went; `errors` are the codes of the tries that failed."""

    name: str
    started_at: datetime
    seconds: float
    tries: int = 1
    errors: list[str] = []


class Claim(Struct, frozen=True, kw_only=True):
    """What a mapping takes for itself, so that no other is made at the same time.

    Attributes:
        key: The external id, for all users if there is a config, else for one.
        fingerprint: Of who asked for what.
    """

    key: str
    fingerprint: bytes
    layout: str
    layout_version: str


class Unfinished(Struct, frozen=True, kw_only=True):
    """A mapping that is to be taken back, and how; no secret is needed for that."""

    mapping_id: UUID
    owner_id: UUID
    external_id: str
    thing_ids: list[UUID]
    channel_ids: list[UUID]
    has_config: bool
    has_certificates: bool = False
    goal: Goal
    keep_channels: bool = False


class MappingRecord(Struct, frozen=True, kw_only=True):
    """One line of the journal, as people look at it; without secrets."""

    id: UUID
    external_id: str
    name: str
    layout: str
    status: MappingStatus
    reason: str
    thing_ids: list[UUID]
    channel_ids: list[UUID]
    steps: list[StepReport]
    created_at: datetime
    updated_at: datetime


class RecordFilter(Struct, frozen=True, kw_only=True):
    """Which lines of the journal are wanted; None is no limit."""

    status: MappingStatus | None = None
    external_id: str | None = None
    since: datetime | None = None


class MissingExternalId(InvalidInput):
    """The gateway's id is needed."""

    code = "external_id_missing"

    def __init__(self) -> None:
        super().__init__("missing entity id")


class ExternalIdTooLong(InvalidInput):
    """No label is that long, and no index either."""

    code = "external_id_too_long"

    def __init__(self) -> None:
        super().__init__(f"external id longer than {EXTERNAL_ID_BYTES} bytes")


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
    """A mapping of this external id is being carried out or taken back right now."""

    code = "mapping_running"
    summary = "mapping is still running"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("a mapping of this external id is still running")


class StillRunning(Unavailable):
    """What was asked for goes on, and could not be finished while the caller waited."""

    code = "mapping_running"

    def __init__(self) -> None:
        super().__init__("still running; ask again", retry_after_seconds=2)


class MappingNotFound(NotFound):
    """The caller has no mapping of this external id."""

    code = "mapping_not_found"


class ConnectedElsewhere(Conflict):
    """Removing would cut connections to entities that the mapping did not make."""

    code = "connected_elsewhere"
    summary = "entities are connected to others"

    def __init__(self, connections: list[dict[str, str]]) -> None:
        super().__init__("use force=true to remove all the same", connections=connections)


class NothingToRetry(Conflict):
    """The mapping is neither stuck nor broken."""

    code = "nothing_to_retry"
    summary = "nothing to retry"

    def __init__(self, status: str) -> None:
        super().__init__(f"the mapping is {status}", status=status)


class UnknownLayout(InvalidInput):
    """No layout has this name."""

    code = "layout_unknown"

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown layout {name!r}", layout=name)


class LayoutNotFound(NotFound):
    """No layout has this name."""

    code = "layout_not_found"


class FilledInNameTooLong(InvalidInput):
    """A name that the layout makes of the request's members is longer than names may be."""

    code = "name_too_long"

    def __init__(self) -> None:
        super().__init__("the layout's name for this gateway is too long")


class LayoutError(Exception):
    """A configuration file or layout cannot be used; each problem says what and where."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
