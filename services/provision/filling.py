"""A layout's own texts made those of one gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from services.provision.domain import (
    FilledInNameTooLong,
    Gateway,
    Layout,
    LayoutChannel,
    LayoutThing,
)
from services.provision.template import references, render

LONGEST_NAME = 1024


def fill_in(
    layout: Layout, gateway: Gateway, *, things: Sequence[UUID], channels: Sequence[UUID]
) -> Layout:
    """The layout with the gateway's names and ids in place of every `${...}`.

    Args:
        things: Ids of the layout's things, in its order.
        channels: Ids of its channels.

    Raises:
        FilledInNameTooLong: A name has become longer than names may be.
    """
    names: dict[str, str] | None = None
    if layout.is_template:
        names = {
            "external_id": gateway.external_id,
            "name": gateway.name or gateway.external_id,
        }
        for thing, number in zip(layout.things, things, strict=True):
            names[f"things.{thing.label}.id"] = str(number)
        for channel, number in zip(layout.channels, channels, strict=True):
            names[f"channels.{channel.label}.id"] = str(number)
    return msgspec.structs.replace(
        layout,
        things=tuple(_thing(thing, gateway, names) for thing in layout.things),
        channels=tuple(_channel(channel, names) for channel in layout.channels),
        content=layout.content if names is None else render(layout.content, names),
    )


def _thing(thing: LayoutThing, gateway: Gateway, names: Mapping[str, str] | None) -> LayoutThing:
    # The request's name is for the gateway's own thing, unless the layout says where it goes.
    if thing.has_config and not (names and "name" in references(thing.name)):
        name = gateway.name or _name(thing.name, names)
    else:
        name = _name(thing.name, names)
    metadata = thing.metadata if names is None else render(thing.metadata, names)
    return msgspec.structs.replace(thing, name=name, alias=thing.label, metadata=metadata)


def _channel(channel: LayoutChannel, names: Mapping[str, str] | None) -> LayoutChannel:
    if names is None:
        return channel
    return msgspec.structs.replace(
        channel,
        name=_name(channel.name, names),
        alias=channel.label,
        metadata=render(channel.metadata, names),
    )


def _name(text: str, names: Mapping[str, str] | None) -> str:
    if names is None:
        return text
    name: str = render(text, names)
    if len(name) > LONGEST_NAME:
        raise FilledInNameTooLong
    return name
