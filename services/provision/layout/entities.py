"""The things and channels of a layout file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from services.provision.domain import CertificateWish, LayoutChannel, LayoutThing
from services.provision.layout.document import Document, dotted
from services.provision.layout.keys import did_you_mean, read_lifetime
from services.provision.layout.positions import Path
from shared.contracts.common import JsonObject

BUILT_IN_THINGS: tuple[LayoutThing, ...] = (
    LayoutThing(name="thing", metadata={"external_id": ""}),
)
BUILT_IN_CHANNELS: tuple[LayoutChannel, ...] = (
    LayoutChannel(name="control-channel", metadata={"type": "control"}),
    LayoutChannel(name="data-channel", metadata={"type": "data"}),
)
LONGEST_NAME = 1024

_THING = ("name", "alias", "metadata", "tags", "connect", "certificate")
_CHANNEL = ("name", "alias", "metadata")
_CERTIFICATE = ("issue", "ttl", "key_type", "key_bits")
# 0 leaves the size to the issuer.
_KEY_SIZES = {
    "": (0, 256, 384, 2048, 3072, 4096),
    "rsa": (0, 2048, 3072, 4096),
    "ecdsa": (0, 256, 384),
}

Entity = TypeVar("Entity")


def read_things(document: Document) -> tuple[LayoutThing, ...]:
    """The things, the built-in one if the file has no list of them."""
    if "things" not in document.values:
        return BUILT_IN_THINGS
    things = _read_list(document, "things", _read_thing)
    if document.values["things"] == []:
        document.error(
            ("things",),
            "no-things",
            "things list in configuration empty",
            "add a [[things]], or remove the list for the built-in thing",
        )
    return things


def read_channels(document: Document) -> tuple[LayoutChannel, ...]:
    """The channels, the built-in two if the file has no list of them."""
    if "channels" not in document.values:
        return BUILT_IN_CHANNELS
    channels = _read_list(document, "channels", _read_channel)
    if document.values["channels"] == []:
        document.error(
            ("channels",),
            "no-channels",
            "channels list in configuration is empty",
            "add a [[channels]], or remove the list for the built-in channels",
        )
    return channels


def _read_list(
    document: Document, name: str, read: Callable[[_Table], Entity]
) -> tuple[Entity, ...]:
    tables = document.values[name]
    if not isinstance(tables, list):
        document.wrong_type((name,), f"a list of tables: [[{name}]]")
        return ()
    entities = []
    for number, table in enumerate(tables):
        if isinstance(table, dict):
            entities.append(read(_Table(document, (name, number), table)))
        else:
            document.wrong_type((name, number), f"a table: [[{name}]]")
    return tuple(entities)


def _read_thing(table: _Table) -> LayoutThing:
    table.warn_of_others(_THING)
    name = table.text("name")
    if table.values.get("name", "") == "":
        table.document.warning(
            table.path,
            "nameless-thing",
            f"{dotted(table.path)} has no name",
            "give it one; only a request's name would be shown",
        )
    return LayoutThing(
        name=name,
        alias=table.text("alias"),
        metadata=table.metadata(),
        tags=table.texts("tags", "an array of texts") or (),
        connect=table.texts("connect", "an array of the channels' names"),
        certificate=_read_certificate(table),
    )


def _read_channel(table: _Table) -> LayoutChannel:
    table.warn_of_others(_CHANNEL)
    name = table.text("name")
    if table.values.get("name", "") == "":
        table.document.error(
            table.path,
            "missing-name",
            f"{dotted(table.path)}: a channel has no name",
            'write name = "…"',
        )
    return LayoutChannel(name=name, alias=table.text("alias"), metadata=table.metadata())


def _read_certificate(thing: _Table) -> CertificateWish:
    table = thing.table("certificate")
    if table is None:
        return CertificateWish()
    table.warn_of_others(_CERTIFICATE)
    document, path = table.document, table.path
    key_type = table.text("key_type")
    if key_type not in _KEY_SIZES:
        document.error(
            (*path, "key_type"),
            "invalid-value",
            f"{key_type!r} is not a type of key",
            'write "rsa" or "ecdsa"',
        )
    key_bits = table.number("key_bits")
    sizes = _KEY_SIZES.get(key_type, _KEY_SIZES[""])
    if key_bits not in sizes:
        document.error(
            (*path, "key_bits"),
            "invalid-value",
            f"{key_bits} is not a size of {key_type or 'any'} keys",
            f"write one of {', '.join(str(size) for size in sizes if size)}",
        )
    ttl = ""
    if "ttl" in table.values:
        ttl = read_lifetime(document, (*path, "ttl"), table.values["ttl"])
    return CertificateWish(
        issue=table.flag("issue", default=True), ttl=ttl, key_type=key_type, key_bits=key_bits
    )


class _Table:
    """One table of the file, read key by key; what is of a wrong type counts as absent."""

    def __init__(self, document: Document, path: Path, values: dict[str, Any]) -> None:
        self.document = document
        self.path = path
        self.values = values

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        path = (*self.path, key)
        if not isinstance(value, str):
            self._wrong(key, "text")
            return ""
        self.document.check_characters(path, value)
        if len(value) > LONGEST_NAME:
            self.document.error(
                path,
                "invalid-value",
                f"{dotted(path)} is longer than {LONGEST_NAME} characters",
                "shorten it",
            )
        return value

    def texts(self, key: str, wanted: str) -> tuple[str, ...] | None:
        """None if the key is absent."""
        values = self.values.get(key)
        if values is None:
            return None
        if not isinstance(values, list):
            self._wrong(key, wanted)
            return None
        for number, value in enumerate(values):
            path = (*self.path, key, number)
            if not isinstance(value, str):
                self.document.wrong_type(path, "text")
            else:
                self.document.check_characters(path, value)
        return tuple(value for value in values if isinstance(value, str))

    def number(self, key: str) -> int:
        value = self.values.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(key, "a number")
            return 0
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self._wrong(key, "true or false")
            return default
        return value

    def table(self, key: str) -> _Table | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, f"a table: [{self.path[0]}.{key}]")
            return None
        return _Table(self.document, (*self.path, key), value)

    def metadata(self) -> JsonObject:
        table = self.table("metadata")
        return {} if table is None else self.document.json_object(table.path, table.values)

    def warn_of_others(self, known: tuple[str, ...]) -> None:
        """Say which keys nobody will look at."""
        for key in self.values:
            if key not in known:
                otherwise = f"put it under [{self.path[0]}.metadata], or remove it"
                self.document.unknown_key(
                    (*self.path, key), did_you_mean(key, list(known), otherwise)
                )

    def _wrong(self, key: str, wanted: str) -> None:
        self.document.wrong_type((*self.path, key), wanted)
