"""Mappings: what one call sets up for a gateway."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, Name
from shared.contracts.events import Event
from shared.contracts.things import ChannelBody, ThingBody
from shared.http.paging import Page


class MappingBody(Struct, frozen=True, kw_only=True):
    """The gateway's label, and a name for its thing if not the layout's."""

    external_id: str = ""
    external_key: str = ""
    name: Name = ""
    layout: Annotated[str, Meta(description="Name of a layout; the default one if empty.")] = ""


class MappingAnswerBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything the mapping made.

    Attributes:
        whitelisted: Thing ids that are connected and may fetch at once.
        client_cert: PEM by thing id.
        client_key: PEM by thing id.
        ca_cert: PEM of the issuer.
    """

    things: list[ThingBody]
    channels: list[ChannelBody]
    whitelisted: dict[str, bool] = {}
    client_cert: dict[str, str] = {}
    client_key: dict[str, str] = {}
    ca_cert: str = ""


class PlannedThingBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thing that a mapping would make."""

    name: str
    tags: list[str] = []
    metadata: JsonObject = {}


class PlannedChannelBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel that a mapping would make."""

    name: str
    metadata: JsonObject = {}


class PlannedConnectionBody(Struct, frozen=True, kw_only=True):
    """A connection that a mapping would make, by names."""

    thing: str
    channel: str
    actions: list[str]


class PlannedConfigBody(Struct, frozen=True, kw_only=True):
    """The bootstrap config that a mapping would make."""

    external_id: str
    name: str
    content: str
    state: int


class PlannedCertificateBody(Struct, frozen=True, kw_only=True):
    """A certificate that a mapping would have signed, with a key pair made for it."""

    thing: str
    ttl: str
    key_type: str
    key_bits: int


class PlanBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a mapping would make; nothing was done.

    Attributes:
        is_replay: Whether the gateway is mapped just so already.
    """

    dry_run: bool
    is_replay: bool
    things: list[PlannedThingBody]
    channels: list[PlannedChannelBody]
    connections: list[PlannedConnectionBody]
    config: PlannedConfigBody | None = None
    certificates: list[PlannedCertificateBody] = []


class LayoutSummaryBody(Struct, frozen=True, kw_only=True):
    """A layout that requests can ask for by name.

    Attributes:
        version: Hash of its content; the journal keeps it for each mapping.
        things: How many it makes.
        channels: How many it makes.
        source: Whether it is the configuration file's or one of the folder's.
    """

    name: str
    version: str
    things: int
    channels: int
    source: Literal["default", "folder"]


class LayoutsPage(Struct, frozen=True, kw_only=True):
    """A part of the layouts, the default one first."""

    total: int
    offset: int
    limit: int
    layouts: list[LayoutSummaryBody]


class LayoutCertificateBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The certificate a thing is to get."""

    issue: bool = True
    ttl: str = ""
    key_type: str = ""
    key_bits: int = 0


class LayoutThingBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thing as the layout describes it.

    Attributes:
        connect: Names of its channels; absent if it is connected to all of them.
    """

    name: str
    alias: str = ""
    metadata: JsonObject = {}
    tags: list[str] = []
    connect: list[str] | None = None
    certificate: LayoutCertificateBody | None = None


class LayoutChannelBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel as the layout describes it."""

    name: str
    alias: str = ""
    metadata: JsonObject = {}


class LayoutBody(Struct, frozen=True, kw_only=True):
    """A layout, by the names of its keys in the file."""

    name: str
    version: str
    source: Literal["default", "folder"]
    template: bool
    provision: bool
    autowhite_list: bool
    cert_ttl: str
    things: list[LayoutThingBody]
    channels: list[LayoutChannelBody]
    content: JsonObject | None


class StepBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one step of a mapping went.

    Attributes:
        errors: Codes of the failures that were overcome, or of the one that was not.
    """

    name: str
    started_at: Timestamp
    seconds: float
    tries: int
    errors: list[str] = []


class MappingRecordBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the journal: what became of a mapping. Secrets are not in it."""

    id: UUID
    external_id: str
    name: str = ""
    layout: str = ""
    status: str
    reason: str = ""
    things: list[UUID]
    channels: list[UUID]
    steps: list[StepBody] = []
    created_at: Timestamp
    updated_at: Timestamp


class MappingsQuery(Page, frozen=True, kw_only=True):
    """Which mappings are wanted."""

    status: Annotated[
        Literal["", "running", "active", "undoing", "stuck", "broken", "undone", "deleted"],
        Meta(description="How far they have come."),
    ] = ""
    external_id: Annotated[str, Meta(description="Exact.")] = ""
    since: Annotated[str, Meta(description="Changed at or after this RFC 3339 time.")] = ""


class MappingsPage(Struct, frozen=True, kw_only=True):
    """A part of the journal."""

    total: int
    offset: int
    limit: int
    mappings: list[MappingRecordBody]


class MapQuery(Struct, frozen=True, kw_only=True):
    """How a mapping is wanted."""

    dry_run: Annotated[bool, Meta(description="Only tell what would be made.")] = False


class UnmapQuery(Struct, frozen=True, kw_only=True):
    """How a mapping is to be removed."""

    force: Annotated[
        bool, Meta(description="Also if its things or channels are connected to others by now.")
    ] = False
    keep: Annotated[
        Literal["", "channels"], Meta(description="What to leave: the channels, with history.")
    ] = ""


class MappingActive(Event, frozen=True, kw_only=True):
    """A gateway is set up."""

    subject = "events.provision.mapping.active"

    mapping_id: UUID
    owner_id: UUID
    external_id: str


class MappingFailed(Event, frozen=True, kw_only=True):
    """A mapping was refused, given up or left by its process; it is being taken back."""

    subject = "events.provision.mapping.failed"

    mapping_id: UUID
    reason: str


class MappingUndone(Event, frozen=True, kw_only=True):
    """A mapping was refused or given up, and all of it was taken back."""

    subject = "events.provision.mapping.undone"

    mapping_id: UUID
    owner_id: UUID
    external_id: str


class MappingDeleted(Event, frozen=True, kw_only=True):
    """A gateway was given up, and all of it was removed."""

    subject = "events.provision.mapping.deleted"

    mapping_id: UUID
    owner_id: UUID
    external_id: str


class MappingBroken(Event, frozen=True, kw_only=True):
    """Parts of a mapping are gone or disabled; the gateway can be mapped afresh."""

    subject = "events.provision.mapping.broken"

    mapping_id: UUID


class MappingStuck(Event, frozen=True, kw_only=True):
    """A mapping cannot be taken back for now; it is still tried."""

    subject = "events.provision.mapping.stuck"

    mapping_id: UUID
    owner_id: UUID
    external_id: str
    reason: str
