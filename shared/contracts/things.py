"""Things, channels and connections, and the sets that provision applies as a whole."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, MetadataInput, Name, StatusFilter, Visibility
from shared.http.paging import Page

BULK_ITEMS = 10_000
CONNECT_PAIRS = 10_000
DEFAULT_ACTIONS = ("m_write", "m_read")

Secret = Annotated[str, Meta(max_length=4096)]


class ThingCredentialsInput(Struct, frozen=True):
    """The secret a device will present."""

    secret: Secret = ""
    identity: str = ""


class CreateThingBody(Struct, frozen=True, kw_only=True):
    """A new thing; `key` is the first clients' word for the secret.

    Members that clients send with zero values (`created_at` …) are ignored.
    """

    id: str = ""
    name: Name = ""
    tags: list[str] | None = None
    credentials: ThingCredentialsInput | None = None
    key: Secret = ""
    metadata: MetadataInput = None
    owner: str = ""
    status: str = ""


class ThingCredentialsBody(Struct, frozen=True, omit_defaults=True):
    """The secret, left out for those who may not see it."""

    secret: str = ""


class ThingBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device identity."""

    id: UUID
    name: str = ""
    tags: list[str] = []
    owner: UUID | None = None
    credentials: ThingCredentialsBody
    key: str = ""
    metadata: JsonObject = {}
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None
    status: str


class ThingsQuery(Page, frozen=True, kw_only=True):
    """Which things are wanted."""

    name: str = ""
    tag: str = ""
    metadata: str = ""
    status: StatusFilter = ""
    owner_id: str = ""
    visibility: Visibility = ""


class ThingsPage(Struct, frozen=True, kw_only=True):
    """A part of a list of things."""

    limit: int
    offset: int
    total: int
    things: list[ThingBody]


class ThingsBody(Struct, frozen=True, kw_only=True):
    """The things a bulk creation made, in its order."""

    total: int
    things: list[ThingBody]


class UpdateThingBody(Struct, frozen=True, kw_only=True):
    """What to change; an empty name or a missing member stays as it is."""

    name: Name = ""
    metadata: MetadataInput = None


class TagsBody(Struct, frozen=True):
    """The complete new tags."""

    tags: list[str] | None = None


class SecretBody(Struct, frozen=True):
    """A new secret."""

    secret: Secret = ""


class KeyBody(Struct, frozen=True):
    """A new secret, in the first clients' word."""

    key: Secret = ""


class OwnerBody(Struct, frozen=True):
    """A new owner."""

    owner: str = ""


class IdentifiedBody(Struct, frozen=True):
    """The thing that has the key."""

    id: UUID


class CreateChannelBody(Struct, frozen=True, kw_only=True):
    """A new channel."""

    id: str = ""
    name: Name = ""
    description: str = ""
    parent_id: str = ""
    metadata: MetadataInput = None
    status: str = ""


class ChannelBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of things that may talk."""

    id: UUID
    owner_id: UUID
    parent_id: UUID | None = None
    name: Annotated[str, Meta(max_length=1024)]
    description: str = ""
    metadata: JsonObject = {}
    level: int = 0
    path: str = ""
    children: list[ChannelBody] = []
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None
    status: str


class ChannelsQuery(Page, frozen=True, kw_only=True):
    """Which channels are wanted."""

    name: str = ""
    metadata: str = ""
    status: StatusFilter = ""
    owner_id: str = ""
    parent_id: str = ""
    level: Annotated[
        int, Meta(ge=0, le=5, description="How far from the parent; 5 if left out.")
    ] = 5
    dir: Annotated[
        Literal["", "-1", "0", "1"],
        Meta(description="From the parent down (-1, also if left out) or up (0 or 1)."),
    ] = ""
    tree: Annotated[bool, Meta(description="Nest channels in their parents' `children`.")] = False


class ChannelsPage(Struct, frozen=True, kw_only=True):
    """A part of a list of channels."""

    total: int
    offset: int
    limit: int
    channels: list[ChannelBody]


class ConnectedQuery(Page, frozen=True, kw_only=True):
    """Which of the things of a channel, or channels of a thing, are wanted."""

    metadata: str = ""
    status: StatusFilter = ""


class ChannelsBody(Struct, frozen=True, kw_only=True):
    """The channels a bulk creation made, in its order."""

    total: int
    channels: list[ChannelBody]


class UpdateChannelBody(Struct, frozen=True, kw_only=True):
    """What to change; an empty name or a missing member stays as it is."""

    name: Name = ""
    description: str | None = None
    metadata: MetadataInput = None


class ActionsBody(Struct, frozen=True):
    """What a connection allows; both directions if left out."""

    actions: list[str] | None = None


class ConnectBody(Struct, frozen=True, kw_only=True):
    """Every thing with every channel; three generations' words for the members."""

    channel_ids: list[str] | None = None
    thing_ids: list[str] | None = None
    objects: list[str] | None = None
    subjects: list[str] | None = None
    group_ids: list[str] | None = None
    client_ids: list[str] | None = None
    actions: list[str] | None = None


class PolicyBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A connection: what the subject (a thing) may do on the object (a channel)."""

    owner_id: UUID
    subject: UUID
    object: UUID
    actions: list[str]
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UUID | None = None


class PoliciesPage(Struct, frozen=True, kw_only=True):
    """A list of connections."""

    limit: int
    offset: int
    total: int
    policies: list[PolicyBody]


class CreatePolicyBody(Struct, frozen=True, kw_only=True):
    """A connection, or with `external` a channel shared with a user (then the subject)."""

    subject: str = ""
    object: str = ""
    actions: list[str] | None = None
    external: bool = False


class UpdatePolicyBody(Struct, frozen=True, kw_only=True):
    """What the subject may do from now on."""

    subject: str = ""
    object: str = ""
    actions: list[str] | None = None


class PoliciesQuery(Page, frozen=True, kw_only=True):
    """Which policies are wanted; `client` is the subject, `group` the object."""

    client: str = ""
    group: str = ""
    subject: str = ""
    object: str = ""
    action: str = ""
    owner_id: str = ""


class AccessBody(Struct, frozen=True, kw_only=True):
    """May the thing with this key do this in the channel?"""

    subject: str = ""
    action: str = ""
    entity_type: str = "thing"


class AccessByIdBody(Struct, frozen=True, kw_only=True):
    """May this thing, which has proved who it is, do this in the channel?"""

    thing_id: UUID
    action: str = ""


class GrantedAccessBody(Struct, frozen=True):
    """It may; the thing is who publishes."""

    thing_id: UUID
    authorized: bool = True


class DeviceKeyBody(Struct, frozen=True):
    """The key of the thing that is asked for."""

    secret: str


class DeviceChannelBody(Struct, frozen=True, kw_only=True):
    """A channel that a thing is connected to, and what it may do there once it is enabled."""

    id: UUID
    actions: list[str]
    enabled: bool


class DeviceBody(Struct, frozen=True, kw_only=True):
    """A thing that takes part, with all its channels."""

    thing_id: UUID
    channels: list[DeviceChannelBody]


class SetThing(Struct, frozen=True, kw_only=True):
    """A thing of a set; its maker chose id and secret."""

    id: UUID
    name: str
    secret: str
    tags: list[str] = []
    metadata: JsonObject = {}


class SetChannel(Struct, frozen=True, kw_only=True):
    """A channel of a set; its maker chose the id."""

    id: UUID
    name: str
    metadata: JsonObject = {}


class SetConnection(Struct, frozen=True, kw_only=True):
    """A connection inside a set."""

    thing_id: UUID
    channel_id: UUID
    actions: tuple[str, ...] = DEFAULT_ACTIONS


class EntitySetBody(Struct, frozen=True, kw_only=True):
    """Things, channels and connections that are made together or not at all."""

    things: list[SetThing]
    channels: list[SetChannel]
    connections: list[SetConnection]


class EntitySetsBody(Struct, frozen=True):
    """Sets by mapping id, of one user."""

    sets: Annotated[dict[UUID, EntitySetBody], Meta(min_length=1, max_length=64)]


class AppliedSetsBody(Struct, frozen=True):
    """When each set was made; the same however often it is applied."""

    created_at: dict[UUID, Timestamp]


class WithdrawSetBody(Struct, frozen=True, kw_only=True):
    """The ids a set would have, so that also an unknown set can be withdrawn."""

    things: list[UUID]
    channels: list[UUID]


class SetWithdrawal(WithdrawSetBody, frozen=True, kw_only=True):
    """What is to be gone of one mapping's set."""

    mapping_id: UUID


class WithdrawSetsBody(Struct, frozen=True):
    """Sets of one user; one that is there twice goes with all ids named."""

    sets: Annotated[list[SetWithdrawal], Meta(min_length=1, max_length=64)]


class SetIdsBody(Struct, frozen=True):
    """Mappings of one user."""

    mapping_ids: Annotated[list[UUID], Meta(min_length=1, max_length=64)]


class SetThingState(Struct, frozen=True, kw_only=True):
    """A thing of a set as it is now."""

    id: UUID
    secret: str
    status: str


class SetStateBody(Struct, frozen=True, kw_only=True):
    """What there is of a set now.

    Attributes:
        created_at: When the set was made; its members are a microsecond apart.
        foreign_connections: Connections between the set and entities outside it.
    """

    created_at: Timestamp
    things: list[SetThingState]
    channels: list[UUID]
    foreign_connections: list[SetConnection]


class SetStatesBody(Struct, frozen=True):
    """Sets by mapping id, as far as they are there."""

    sets: dict[UUID, SetStateBody]
