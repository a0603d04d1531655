"""Warnings: what works, though hardly as it was meant."""

from __future__ import annotations

import re
from typing import Any

from services.provision.domain import Layout
from services.provision.layout.agents import is_for_an_agent, mismatches
from services.provision.layout.content import content_path
from services.provision.layout.document import Document, dotted
from services.provision.layout.positions import Path
from services.provision.layout.rules import entities, template_names, texts
from services.provision.template import references, render

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SECRETS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "key", "token", "credential", "credentials"}
)
_UNIQUE_KINDS = ("control", "data", "export")


def warn(document: Document, layout: Layout) -> None:
    """Report everything that is worth a second look."""
    _warn_of_secrets(document, layout)
    _warn_of_repeated_kinds(document, layout)
    if not layout.is_template:
        _warn_of_idle_references(document, layout)
    if layout.makes_config:
        gateway = next((thing for thing in layout.things if thing.has_config), None)
        if gateway is None and not document.problems.has_errors:
            document.warning(
                ("things",),
                "no-external-id",
                "no thing has external_id in its metadata, so that no config is made",
                "add it to the gateway's own thing, or write bootstrap.provision = false",
            )
        if is_for_an_agent(layout.content):
            _warn_of_content(document, layout)
            if gateway is not None:
                _warn_of_channels(
                    document,
                    [
                        (number, channel.kind)
                        for number, channel in enumerate(layout.channels)
                        if gateway.is_connected_to(channel)
                    ],
                )


def _warn_of_secrets(document: Document, layout: Layout) -> None:
    for path, entity in entities(layout):
        _look_for_secrets(document, (*path, "metadata"), entity.metadata)


def _look_for_secrets(document: Document, path: Path, value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _look_for_secrets(document, (*path, key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _look_for_secrets(document, (*path, number), item)
    elif isinstance(value, str) and value and _sounds_secret(path[-1]):
        document.problems.warning(
            "secret-in-metadata",
            f"{dotted(path)} looks like a secret, and everyone who sees the entity sees it",
            "keep secrets out of metadata",
            document.positions.of_key(*path),
        )


def _sounds_secret(name: str | int) -> bool:
    words = {word.lower() for word in _WORD.findall(str(name))}
    return bool(words & _SECRETS) and "public" not in words


def _warn_of_repeated_kinds(document: Document, layout: Layout) -> None:
    seen: set[str] = set()
    for number, channel in enumerate(layout.channels):
        if channel.kind in seen:
            document.warning(
                ("channels", number, "metadata", "type"),
                "repeated-channel-type",
                f"another channel before has the type {channel.kind!r} too",
                "the first one is the gateway's; give this one another type",
            )
        if channel.kind in _UNIQUE_KINDS:
            seen.add(channel.kind)


def _warn_of_idle_references(document: Document, layout: Layout) -> None:
    known = template_names(layout)
    for path, text in texts(document, layout):
        if any(name in known for name in references(text)):
            document.warning(
                path,
                "template-not-enabled",
                f"{dotted(path)} keeps its ${{…}} as it is",
                "write template = true at the top of the file to have it filled in",
            )


def _warn_of_content(document: Document, layout: Layout) -> None:
    content = layout.content or {}
    if layout.is_template and not document.problems.has_errors:
        names = dict.fromkeys(template_names(layout), "00000000-0000-4000-8000-000000000000")
        content = render(content, names)
    has_certificate = layout.makes_certificates and any(
        thing.has_config and thing.certificate.issue for thing in layout.things
    )
    path = content_path(document)
    for mismatch in mismatches(content, path, has_certificate=has_certificate):
        document.warning(mismatch.path, "agent-content", mismatch.message, mismatch.advice)


def _warn_of_channels(document: Document, channels: list[tuple[int, str]]) -> None:
    kinds = [kind for _, kind in channels]
    missing = [kind for kind in ("control", "data") if kind not in kinds]
    for kind in missing:
        document.warning(
            ("channels",),
            f"missing-{kind}-channel",
            f'the content is for an Agent, and no channel of the gateway has type = "{kind}"',
            "add one; an Agent takes the first channel for control and the second for data",
        )
    # The Agents take the first two, and swap them if the first says it is for data.
    first_two = kinds[:2][::-1] if kinds[:1] == ["data"] else kinds[:2]
    if not missing and first_two != ["control", "data"]:
        stray = channels[1 if kinds[0] in ("control", "data") else 0][0]
        document.problems.warning(
            "channel-order",
            "older Agents take the first two channels for control and data",
            "put the control channel first and the data channel second",
            document.positions.of_key("channels", stray),
        )
