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

from services.provision.domain import EXTERNAL_ID, Gateway, Layout, LayoutChannel, LayoutThing
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
    WithdrawSetBody,
)


class Plan(Struct, frozen=True, kw_only=True):
    """What a mapping will make, to the last byte.

    Attributes:
        entities: Things, channels and connections, as they will be.
        config: What the gateway will fetch, None if the layout makes no config.
        layout_metadata: Of each thing, as the answer shows it: without what the gateway's thing
            gets besides.
        whitelisted: Things that are connected at once.
    """

    mapping_id: UUID
    owner_id: UUID
    gateway: Gateway
    entities: EntitySetBody
    config: SetConfigBody | None
    layout_metadata: list[JsonObject]
    whitelisted: list[UUID]

    def withdrawal(self) -> WithdrawSetBody:
        """The ids to take back."""
        return WithdrawSetBody(
            things=[thing.id for thing in self.entities.things],
            channels=[channel.id for channel in self.entities.channels],
        )

    def answer(self, created_at: datetime) -> MappingAnswerBody:
        """What the caller gets.

        Args:
            created_at: When things made the set; its members are a microsecond apart.
        """
        return MappingAnswerBody(
            things=[
                ThingBody(
                    id=thing.id,
                    name=thing.name,
                    owner=self.owner_id,
                    credentials=ThingCredentialsBody(secret=thing.secret),
                    key=thing.secret,
                    metadata=metadata,
                    created_at=_moment(created_at, number),
                    updated_at=_moment(created_at, number),
                    status=Status.ENABLED,
                )
                for number, (thing, metadata) in enumerate(
                    zip(self.entities.things, self.layout_metadata, strict=True)
                )
            ],
            channels=[
                ChannelBody(
                    id=channel.id,
                    owner_id=self.owner_id,
                    name=channel.name,
                    metadata=channel.metadata,
                    created_at=_moment(created_at, number),
                    updated_at=_moment(created_at, number),
                    status=Status.ENABLED,
                )
                for number, channel in enumerate(self.entities.channels)
            ],
            whitelisted={str(thing_id): True for thing_id in self.whitelisted},
        )


def make_plan(
    layout: Layout,
    gateway: Gateway,
    *,
    owner_id: UUID,
    new_id: Callable[[], UUID],
    keep_external_key: bool = False,
) -> Plan:
    """Choose everything for one gateway.

    Args:
        keep_external_key: Also write the external key into the thing's metadata.
    """
    mapping_id = new_id()
    channels = [
        SetChannel(id=new_id(), name=channel.name, metadata=channel.metadata)
        for channel in layout.channels
    ]
    by_kind = _first_of_each_kind(layout.channels, channels)
    things: list[SetThing] = []
    layout_metadata: list[JsonObject] = []
    config: SetConfigBody | None = None
    for thing in layout.things:
        thing_id, secret = new_id(), str(new_id())
        shown = _shown_metadata(thing, gateway)
        stored = shown
        name = thing.name
        if thing.has_config:
            name = gateway.name or thing.name
        if thing.has_config and layout.makes_config:
            stored = shown | _gateway_metadata(
                thing_id, gateway, by_kind, keep_external_key=keep_external_key
            )
            config = SetConfigBody(
                thing_id=thing_id,
                thing_secret=secret,
                external_id=gateway.external_id,
                external_key=gateway.external_key,
                name=name,
                content=_content(layout),
                channels=[
                    ConfigChannelInput(id=c.id, name=c.name, metadata=c.metadata) for c in channels
                ],
                state=State.ACTIVE if layout.whitelists else State.INACTIVE,
            )
        things.append(SetThing(id=thing_id, name=name, secret=secret, metadata=stored))
        layout_metadata.append(shown)
    connected = things if layout.whitelists else []
    return Plan(
        mapping_id=mapping_id,
        owner_id=owner_id,
        gateway=gateway,
        entities=EntitySetBody(
            things=things,
            channels=channels,
            connections=[
                SetConnection(thing_id=thing.id, channel_id=channel.id)
                for thing in connected
                for channel in channels
            ],
        ),
        config=config,
        layout_metadata=layout_metadata,
        whitelisted=[thing.id for thing in connected],
    )


def _shown_metadata(thing: LayoutThing, gateway: Gateway) -> JsonObject:
    if not thing.has_config:
        return thing.metadata
    return thing.metadata | {EXTERNAL_ID: gateway.external_id}


def _gateway_metadata(
    thing_id: UUID, gateway: Gateway, by_kind: dict[str, UUID], *, keep_external_key: bool
) -> JsonObject:
    """What the user interface and the Agent look for on a gateway's thing."""
    metadata: JsonObject = {
        "type": "gateway",
        EXTERNAL_ID: gateway.external_id,
        "cfg_id": str(thing_id),
        "ctrl_channel_id": str(by_kind.get("control", "")),
        "data_channel_id": str(by_kind.get("data", "")),
        "export_channel_id": str(by_kind.get("export", "")),
    }
    if keep_external_key:
        metadata["external_key"] = gateway.external_key
    return metadata


def _first_of_each_kind(
    layout: tuple[LayoutChannel, ...], channels: list[SetChannel]
) -> dict[str, UUID]:
    kinds: dict[str, UUID] = {}
    for described, channel in zip(layout, channels, strict=True):
        kinds.setdefault(described.kind, channel.id)
    return kinds


def _content(layout: Layout) -> str:
    return "" if layout.content is None else msgspec.json.encode(layout.content).decode()


def _moment(start: datetime, number: int) -> str:
    return timestamp(start + timedelta(microseconds=number))
