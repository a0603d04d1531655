"""Errors that only show when the parts of a layout are looked at together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.provision.domain import EXTERNAL_ID, Layout, LayoutChannel, LayoutThing
from services.provision.layout.content import content_path
from services.provision.layout.document import Document, dotted
from services.provision.layout.keys import did_you_mean
from services.provision.layout.positions import Path
from services.provision.template import references


def refuse_unusable(document: Document, layout: Layout) -> None:
    """Report what no gateway could be mapped with."""
    _refuse_repeated_names(document, "things", layout.things)
    _refuse_repeated_names(document, "channels", layout.channels)
    _refuse_several_external_ids(document, layout)
    _refuse_dangling_connections(document, layout)
    if layout.is_template:
        _refuse_unknown_names(document, layout)
    if layout.whitelists and not layout.makes_config:
        document.error(
            ("bootstrap", "autowhite_list"),
            "whitelist-without-config",
            "bootstrap.autowhite_list needs bootstrap.provision",
            "switch autowhite_list off, or provision on",
        )


def entities(layout: Layout) -> Iterator[tuple[Path, LayoutThing | LayoutChannel]]:
    """Everything a layout makes, with its place."""
    for number, thing in enumerate(layout.things):
        yield ("things", number), thing
    for number, channel in enumerate(layout.channels):
        yield ("channels", number), channel


def texts(document: Document, layout: Layout) -> Iterator[tuple[Path, str]]:
    """Every text in which `${...}` is filled in, with its place."""
    for path, entity in entities(layout):
        yield (*path, "name"), entity.name
        yield from walk((*path, "metadata"), entity.metadata)
    yield from walk(content_path(document), layout.content or {})


def walk(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Every text inside a JSON value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk((*path, key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from walk((*path, number), item)


def template_names(layout: Layout) -> list[str]:
    """Everything that `${...}` may name in a layout."""
    things = [f"things.{thing.label}.id" for thing in layout.things]
    channels = [f"channels.{channel.label}.id" for channel in layout.channels]
    return ["external_id", "name", *things, *channels]


def _refuse_repeated_names(
    document: Document, kind: str, members: Sequence[LayoutThing | LayoutChannel]
) -> None:
    names: set[str] = set()
    labels: set[str] = set()
    for number, entity in enumerate(members):
        repeated = ""
        if entity.name and entity.name in names:
            repeated, key = entity.name, "name"
        elif entity.label and entity.label in labels:
            repeated, key = entity.label, "alias" if entity.alias else "name"
        if repeated:
            document.error(
                (kind, number, key),
                "duplicate-name",
                f"more than one of the {kind} is called {repeated!r}",
                "give each its own name",
            )
        names.add(entity.name)
        labels.add(entity.label)


def _refuse_several_external_ids(document: Document, layout: Layout) -> None:
    gateways = [number for number, thing in enumerate(layout.things) if thing.has_config]
    for number in gateways[1:]:
        document.error(
            ("things", number, "metadata", EXTERNAL_ID),
            "several-external-ids",
            "more than one thing has external_id in its metadata",
            f"leave it to {dotted(('things', gateways[0]))}; a gateway has one id",
        )


def _refuse_dangling_connections(document: Document, layout: Layout) -> None:
    channels = [channel.label for channel in layout.channels if channel.label]
    for number, thing in enumerate(layout.things):
        for index, name in enumerate(thing.connect or ()):
            if name not in channels:
                document.error(
                    ("things", number, "connect", index),
                    "dangling-connect",
                    f"there is no channel {name!r}",
                    did_you_mean(name, channels, f"there are {', '.join(channels)}"),
                )


def _refuse_unknown_names(document: Document, layout: Layout) -> None:
    known = template_names(layout)
    for path, text in texts(document, layout):
        for name in references(text):
            if name is None:
                document.error(
                    path,
                    "template-syntax",
                    f"{dotted(path)} opens ${{ and never closes it",
                    "write } behind the name, or $${ for the characters themselves",
                )
            elif name not in known:
                document.error(
                    path,
                    "unknown-template-name",
                    f"nothing is called ${{{name}}}",
                    did_you_mean(name, known, f"known are {', '.join(known)}"),
                )
