"""Configs: what a gateway fetches with the id and key printed on its label."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.common import JsonObject, Name
from shared.contracts.events import Event
from shared.http.paging import Page


class State(IntEnum):
    """Whether the config's thing is connected to the config's channels."""

    INACTIVE = 0
    ACTIVE = 1


FetchResult = Annotated[
    Literal["delivered", "refused", "kept back"],
    Meta(description="kept back: the key was right, but the config is not active."),
]


class AddConfigBody(Struct, frozen=True, kw_only=True):
    """A new config; without `thing_id` a thing is made for it."""

    thing_id: str = ""
    external_id: str = ""
    external_key: str = ""
    channels: list[str] | None = None
    name: Name = ""
    content: str = ""
    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class ConfigChannelBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel as a gateway sees it."""

    id: UUID
    name: str = ""
    metadata: Annotated[JsonObject | None, Meta(description="null when empty")]


class LastFetchBody(Struct, frozen=True, kw_only=True):
    """When a gateway last asked for its config, from where, and what it got."""

    time: Timestamp
    address: str
    result: FetchResult


class ConfigBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A config as its owner sees it."""

    thing_id: UUID
    thing_key: str = ""
    channels: list[ConfigChannelBody] = []
    mainflux_id: UUID
    mainflux_key: str = ""
    mainflux_channels: list[ConfigChannelBody] = []
    external_id: str
    external_key: str = ""
    name: str = ""
    content: str = ""
    state: int
    last_fetch: LastFetchBody | None = None


class ConfigsQuery(Page, frozen=True, kw_only=True):
    """Which configs are wanted."""

    state: Literal["", "0", "1"] = ""
    external_id: str = ""
    thing_id: str = ""
    thing_key: str = ""
    name: str = ""


class ConfigsPage(Struct, frozen=True, kw_only=True):
    """A part of a list of configs."""

    total: int
    offset: int
    limit: int
    configs: list[ConfigBody]


class UpdateConfigBody(Struct, frozen=True, kw_only=True):
    """What replaces name and content; a missing one is cleared."""

    name: Name = ""
    content: str = ""


class SetStateBody(Struct, frozen=True, kw_only=True):
    """Whether the thing shall be connected to the config's channels."""

    state: State


class UpdateConnectionsBody(Struct, frozen=True, kw_only=True):
    """The complete new list of channels."""

    channels: list[str]


class UpdateCertificatesBody(Struct, frozen=True, kw_only=True):
    """What replaces all three, as PEM; a missing one is cleared."""

    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class ConfigCertificatesBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The certificates that a config has now."""

    thing_id: UUID
    client_cert: str = ""
    ca_cert: str = ""
    client_key: str = ""


class DeviceConfigBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a gateway gets: one truth in every generation's words."""

    thing_id: UUID
    thing_key: str
    channels: list[ConfigChannelBody]
    mainflux_id: UUID
    mainflux_key: str
    mainflux_channels: list[ConfigChannelBody]
    client_id: UUID
    client_secret: str
    id: UUID
    content: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    ca_cert: str | None = None


class SetConfigBody(Struct, frozen=True, kw_only=True):
    """A config that provision makes in its final state; nothing is looked up for it."""

    thing_id: UUID
    thing_secret: str
    external_id: str
    external_key: str
    name: str
    content: str
    channels: list[ConfigChannelInput]
    state: State = State.ACTIVE
    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class SetConfigsBody(Struct, frozen=True):
    """Configs by mapping id, of one user."""

    configs: Annotated[dict[UUID, SetConfigBody], Meta(min_length=1, max_length=64)]


class WithdrawConfigsBody(Struct, frozen=True):
    """Mappings of one user whose configs are to be gone."""

    mapping_ids: Annotated[list[UUID], Meta(min_length=1, max_length=64)]


class ConfigChannelInput(Struct, frozen=True, kw_only=True):
    """A channel of a new config, in the order the gateway shall see."""

    id: UUID
    name: str
    metadata: JsonObject = {}


class ConfigCreated(Event, frozen=True, kw_only=True):
    """A config was made."""

    subject = "events.bootstrap.config.created"

    thing_id: UUID
    owner_id: UUID
    external_id: str
    state: int


class ConfigUpdated(Event, frozen=True, kw_only=True):
    """Members of configs changed, by one cause."""

    subject = "events.bootstrap.config.updated"

    thing_ids: list[UUID]
    members: list[str]


class ConfigActivated(Event, frozen=True, kw_only=True):
    """A config's thing is connected to the config's channels."""

    subject = "events.bootstrap.config.activated"

    thing_id: UUID


class ConfigDeactivated(Event, frozen=True, kw_only=True):
    """The things of configs are no longer connected to all of the configs' channels."""

    subject = "events.bootstrap.config.deactivated"

    thing_ids: list[UUID]


class ConfigFirstFetched(Event, frozen=True, kw_only=True):
    """A gateway has got its config for the first time."""

    subject = "events.bootstrap.config.first_fetched"

    thing_id: UUID
    owner_id: UUID


class ConfigFetchRefused(Event, frozen=True, kw_only=True):
    """Many fetches of one config were refused within a minute; told once for that minute."""

    subject = "events.bootstrap.config.fetch_refused"

    thing_id: UUID
    owner_id: UUID
    failures: int


class ConfigDeleted(Event, frozen=True, kw_only=True):
    """A config is gone."""

    subject = "events.bootstrap.config.deleted"

    thing_id: UUID
