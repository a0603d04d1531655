"""The one way from a file to a layout, with everything that is wrong on the way."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from services.provision.domain import Layout
from services.provision.layout.advice import warn
from services.provision.layout.content import read_content
from services.provision.layout.document import Document, read_document
from services.provision.layout.entities import read_channels, read_things
from services.provision.layout.keys import certificate_ttl, join_settings
from services.provision.layout.problems import Problem, Problems
from services.provision.layout.rules import refuse_unusable
from services.provision.settings import ProvisionSettings
from shared.durations import format_duration

_VERSION_LENGTH = 12


class Reading(Struct, frozen=True, kw_only=True):
    """What a file came to.

    Attributes:
        settings: The environment's, with the file's over them.
        layout: None if the file has errors.
        problems: Errors and warnings, as they stand in the file.
    """

    settings: ProvisionSettings
    layout: Layout | None
    problems: list[Problem]


def read_layout(
    data: bytes, *, file: str, name: str, settings: ProvisionSettings, is_whole: bool
) -> Reading:
    """Read a file's bytes; the start, a reload and the linter all come through here.

    Args:
        file: How problems call it.
        name: Of the layout.
        settings: What counts where the file says nothing.
        is_whole: Whether it is the configuration file, whose [server] counts too.
    """
    problems = Problems(file)
    document = read_document(data, problems)
    if document is None:
        return Reading(settings=settings, layout=None, problems=problems.in_order())
    joined = join_settings(document, settings, is_whole=is_whole)
    layout = _read(document, joined, name)
    if _is_complete(document, layout):
        refuse_unusable(document, layout)
        warn(document, layout)
    if problems.has_errors:
        return Reading(settings=settings, layout=None, problems=problems.in_order())
    return Reading(settings=joined, layout=_versioned(layout), problems=problems.in_order())


def _read(document: Document, settings: ProvisionSettings, name: str) -> Layout:
    return Layout(
        name=name,
        things=read_things(document),
        channels=read_channels(document),
        content=read_content(document, settings),
        makes_config=settings.bs_config_provisioning,
        whitelists=settings.bs_auto_whitelist,
        makes_certificates=settings.x509_provisioning,
        is_template=_is_template(document),
        certificate_ttl=_certificate_ttl(document, settings),
    )


def _certificate_ttl(document: Document, settings: ProvisionSettings) -> str:
    usual = format_duration(settings.certs_ttl) if settings.x509_provisioning else ""
    return certificate_ttl(document) or usual


def _is_template(document: Document) -> bool:
    value = document.values.get("template", False)
    if not isinstance(value, bool):
        document.wrong_type(("template",), "true or false")
        return False
    return value


def _is_complete(document: Document, layout: Layout) -> bool:
    """Whether every entry of the lists was readable, so that its number is its place."""
    things = document.values.get("things", [*layout.things])
    channels = document.values.get("channels", [*layout.channels])
    return all(
        isinstance(written, list) and len(written) == len(read)
        for written, read in ((things, layout.things), (channels, layout.channels))
    )


def _versioned(layout: Layout) -> Layout:
    """With the hash of everything but its name."""
    content = msgspec.json.encode(
        msgspec.structs.replace(layout, name="", version=""), order="sorted"
    )
    version = hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]
    return msgspec.structs.replace(layout, version=version)
