"""A layout made concrete for one gateway.

Every id and secret is chosen here, before the first call, so that each step can be repeated
safely and undone without asking what it made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from services.provision.certifying import Keys, WantedCertificate, choose_certificates
from services.provision.domain import (
    EXTERNAL_ID,
    Gateway,
    Goal,
    Layout,
    LayoutThing,
    MappingStatus,
    Unfinished,
)
from services.provision.filling import fill_in
from shared.clock import timestamp
from shared.contracts.bootstrap import ConfigChannelInput, SetConfigBody, State
from shared.contracts.common import JsonObject, Status
from shared.contracts.provision import MappingAnswerBody
from shared.contracts.things import (
    ChannelBody,
    EntitySetBody,
    SetChannel,
    SetConnection,
    SetThing,
    ThingBody,
    ThingCredentialsBody,
)
from shared.ids import new_secret
from shared.pki import new_serial as random_serial


class Plan(Struct, frozen=True, kw_only=True):
    """What a mapping will make, to the last byte.

    Attributes:
        entities: Things, channels and connections, as they will be.
        config: What the gateway will fetch, None if the layout makes no config.
        layout_metadata: Of each thing, as the answer shows it: without what the gateway's thing
            gets besides.
        whitelisted: Things that are connected at once.
        certificates: Of those things that get one; put into the config once they are signed.
        private_keys: Theirs, by thing; empty when they were wiped.
    """

    mapping_id: UUID
    owner_id: UUID
    gateway: Gateway
    entities: EntitySetBody
    config: SetConfigBody | None
    layout_metadata: list[JsonObject]
    whitelisted: list[UUID]
    certificates: list[WantedCertificate] = []
    private_keys: dict[UUID, str] = {}

    @property
    def thing_ids(self) -> list[UUID]:
        """The things it makes."""
        return [thing.id for thing in self.entities.things]

    @property
    def channel_ids(self) -> list[UUID]:
        """The channels it makes."""
        return [channel.id for channel in self.entities.channels]

    def unfinished(self, goal: Goal) -> Unfinished:
        """How to take it back."""
        return Unfinished(
            mapping_id=self.mapping_id,
            owner_id=self.owner_id,
            external_id=self.gateway.external_id,
            thing_ids=self.thing_ids,
            channel_ids=self.channel_ids,
            has_config=self.config is not None,
            has_certificates=bool(self.certificates),
            goal=goal,
        )

    def with_keys(self, keys: Keys) -> Plan:
        """The same with key pairs made for its certificates."""
        return msgspec.structs.replace(
            self, certificates=keys.certificates, private_keys=keys.private_keys
        )

    def answer(self, created_at: datetime) -> MappingAnswerBody:
        """What the caller gets.

        Args:
            created_at: When things made the set; its members are a microsecond apart.
        """
        things, channels = self.entities.things, self.entities.channels
        moments = [
            timestamp(created_at + timedelta(microseconds=number))
            for number in range(max(len(things), len(channels)))
        ]
        return MappingAnswerBody(
            things=[
                ThingBody(
                    id=thing.id,
                    name=thing.name,
                    tags=thing.tags,
                    owner=self.owner_id,
                    credentials=ThingCredentialsBody(secret=thing.secret),
                    key=thing.secret,
                    metadata=metadata,
                    created_at=moment,
                    updated_at=moment,
                    status=Status.ENABLED,
                )
                for (thing, metadata), moment in zip(
                    zip(things, self.layout_metadata, strict=True), moments, strict=False
                )
            ],
            channels=[
                ChannelBody(
                    id=channel.id,
                    owner_id=self.owner_id,
                    name=channel.name,
                    metadata=channel.metadata,
                    created_at=moment,
                    updated_at=moment,
                    status=Status.ENABLED,
                )
                for channel, moment in zip(channels, moments, strict=False)
            ],
            whitelisted={str(thing_id): True for thing_id in self.whitelisted},
        )


class Mapping(Struct, frozen=True, kw_only=True):
    """A mapping that has its external id, as a repeated request meets it.

    Attributes:
        fingerprint: Keyed hash of who asked for what.
    """

    status: MappingStatus
    fingerprint: bytes
    plan: Plan


class Claimed(Struct, frozen=True, kw_only=True):
    """What came of claiming an external id.

    Attributes:
        earlier: The mapping that has it, None if it was had now.
        has_leftovers: Whether earlier mappings of the gateway are still to be taken back.
    """

    earlier: Mapping | None
    has_leftovers: bool


def make_plan(
    layout: Layout,
    gateway: Gateway,
    *,
    owner_id: UUID,
    new_id: Callable[[], UUID],
    mapping_id: UUID | None = None,
    new_serial: Callable[[], str] = random_serial,
    keep_external_key: bool = False,
) -> Plan:
    """Choose everything for one gateway.

    Args:
        mapping_id: If it is chosen already.
        keep_external_key: Also write the external key into the thing's metadata.
    """
    mapping_id = mapping_id or new_id()
    channel_ids = [new_id() for _ in layout.channels]
    identities = [(new_id(), new_secret()) for _ in layout.things]
    layout = fill_in(
        layout, gateway, things=[thing_id for thing_id, _ in identities], channels=channel_ids
    )
    channels = [
        SetChannel(id=channel_id, name=channel.name, metadata=channel.metadata)
        for channel_id, channel in zip(channel_ids, layout.channels, strict=True)
    ]
    things: list[SetThing] = []
    layout_metadata: list[JsonObject] = []
    connections: list[SetConnection] = []
    whitelisted: list[UUID] = []
    config: SetConfigBody | None = None
    for described, (thing_id, secret) in zip(layout.things, identities, strict=True):
        reached = _channels_of(described, layout, channels)
        shown = _shown_metadata(described, gateway)
        thing = SetThing(
            id=thing_id,
            name=described.name,
            secret=secret,
            tags=list(described.tags),
            metadata=shown,
        )
        if described.has_config and layout.makes_config:
            config = _config(thing, gateway, layout, reached)
            more = _gateway_metadata(
                thing_id, gateway, reached, keep_external_key=keep_external_key
            )
            thing = msgspec.structs.replace(thing, metadata=shown | more)
        if layout.whitelists and (reached or described.has_config):
            whitelisted.append(thing_id)
            connections += [
                SetConnection(thing_id=thing_id, channel_id=channel.id) for channel in reached
            ]
        things.append(thing)
        layout_metadata.append(shown)
    return Plan(
        mapping_id=mapping_id,
        owner_id=owner_id,
        gateway=gateway,
        entities=EntitySetBody(things=things, channels=channels, connections=connections),
        config=config,
        layout_metadata=layout_metadata,
        whitelisted=whitelisted,
        certificates=choose_certificates(layout, [thing.id for thing in things], new_serial),
    )


def _channels_of(
    thing: LayoutThing, layout: Layout, channels: list[SetChannel]
) -> list[SetChannel]:
    return [
        channel
        for described, channel in zip(layout.channels, channels, strict=True)
        if thing.is_connected_to(described)
    ]


def _config(
    thing: SetThing, gateway: Gateway, layout: Layout, channels: list[SetChannel]
) -> SetConfigBody:
    return SetConfigBody(
        thing_id=thing.id,
        thing_secret=thing.secret,
        external_id=gateway.external_id,
        external_key=gateway.external_key,
        name=thing.name,
        content=_content(layout),
        channels=[
            ConfigChannelInput(id=channel.id, name=channel.name, metadata=channel.metadata)
            for channel in channels
        ],
        state=State.ACTIVE if layout.whitelists else State.INACTIVE,
    )


def _shown_metadata(thing: LayoutThing, gateway: Gateway) -> JsonObject:
    if not thing.has_config:
        return thing.metadata
    return thing.metadata | {EXTERNAL_ID: gateway.external_id}


def _gateway_metadata(
    thing_id: UUID, gateway: Gateway, channels: list[SetChannel], *, keep_external_key: bool
) -> JsonObject:
    """What the user interface and the Agent look for on a gateway's thing."""
    metadata: JsonObject = {
        "type": "gateway",
        EXTERNAL_ID: gateway.external_id,
        "cfg_id": str(thing_id),
        "ctrl_channel_id": _first_of_kind("control", channels),
        "data_channel_id": _first_of_kind("data", channels),
        "export_channel_id": _first_of_kind("export", channels),
    }
    if keep_external_key:
        metadata["external_key"] = gateway.external_key
    return metadata


def _first_of_kind(kind: str, channels: list[SetChannel]) -> str:
    return next((str(one.id) for one in channels if one.metadata.get("type") == kind), "")


def _content(layout: Layout) -> str:
    return "" if layout.content is None else msgspec.json.encode(layout.content).decode()
