"""The keys of the configuration file, their older spellings, and the settings they stand for."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import msgspec

from services.provision.layout.document import Document, dotted
from services.provision.layout.positions import Path
from services.provision.settings import ProvisionSettings
from shared.durations import parse_duration

TOP = ("file", "template", "server", "bootstrap", "cert", "things", "channels")

_PREFIXES = ("smq_", "mg_", "mf_")
_API_KEY = "provision_api_key"

# The settings that keys stand for; None: known, and of no effect here.
_TABLES: dict[str, dict[str, str | None]] = {
    "server": {
        "http_port": "http_port",
        "port": None,
        "log_level": "log_level",
        "tls": None,
        "server_cert": "http_server_cert",
        "server_key": "http_server_key",
        "users_url": "users_url",
        "users_location": "users_url",
        "things_url": "things_url",
        "things_location": "things_url",
        "user": "user",
        "pass": "password",
        "api_key": "api_key",
        _API_KEY: "api_key",
        "bs_url": "bootstrap_url",
        "white_list": None,
        "certs_url": "certs_url",
    },
    "bootstrap": {
        "provision": "bs_config_provisioning",
        "autowhite_list": "bs_auto_whitelist",
        "x509_provision": "x509_provisioning",
        "content": None,
    },
    "cert": {"ttl": None},
}
_KINDS = {
    int: "a number",
    bool: "true or false",
    str: "text",
}


def join_settings(
    document: Document, settings: ProvisionSettings, *, is_whole: bool
) -> ProvisionSettings:
    """Put the file's values over the environment's, an explicit `false` too.

    Empty text counts as absent: the original's sample file is full of it.

    Args:
        is_whole: Whether this is the configuration file; others only speak of a layout.
    """
    given = _given(document, is_whole=is_whole)
    values: dict[str, Any] = {}
    # What the original never read gives way to what it did read.
    for path, field, value in sorted(given, key=lambda one: "location" not in str(one[0][-1])):
        if field in values:
            document.warning(
                path,
                "repeated-setting",
                f"{dotted(path)} says again what another spelling has said",
                "keep one of the two; this one counts",
            )
        values |= _converted(document, path, field, value)
    return msgspec.structs.replace(settings, **values)


def certificate_ttl(document: Document) -> str:
    """How long certificates shall be good, empty if the file does not say."""
    cert = document.values.get("cert", {})
    if not isinstance(cert, dict) or "ttl" not in cert:
        return ""
    return read_lifetime(document, ("cert", "ttl"), cert["ttl"])


def read_lifetime(document: Document, path: Path, value: Any) -> str:
    """A duration in Go's notation, longer than nothing."""
    wanted = 'a duration such as "2400h"'
    if not isinstance(value, str):
        document.wrong_type(path, wanted)
        return ""
    try:
        if value and parse_duration(value).total_seconds() <= 0:
            raise ValueError
    except ValueError:
        document.error(path, "invalid-value", f"{value!r} is not a duration", f"write {wanted}")
    return value


def did_you_mean(name: str, known: list[str], otherwise: str) -> str:
    """A guess at the key that was meant."""
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else otherwise


def _given(document: Document, *, is_whole: bool) -> list[tuple[Path, str, Any]]:
    """Every setting that the file gives a value, with its place."""
    given: list[tuple[Path, str, Any]] = []
    for top, value in document.values.items():
        table = top.lower()
        if table in _TABLES:
            if not isinstance(value, dict):
                document.wrong_type((top,), f"a table: [{top}]")
            elif table == "server" and not is_whole:
                _ignored(document, (top,))
            else:
                given += _of_table(document, top, value)
        elif _plain(table) == _API_KEY:
            if value == "":
                continue
            if is_whole:
                given.append(((top,), "api_key", value))
            else:
                _ignored(document, (top,))
        elif top not in TOP:
            document.unknown_key((top,), did_you_mean(top, list(TOP), "remove it"))
    return given


def _of_table(document: Document, top: str, values: dict[str, Any]) -> list[tuple[Path, str, Any]]:
    known = _TABLES[top.lower()]
    given: list[tuple[Path, str, Any]] = []
    for name, value in values.items():
        plain = _plain(name)
        if plain not in known:
            document.unknown_key((top, name), did_you_mean(plain, list(known), "remove it"))
        elif (field := known[plain]) is not None and value != "":
            given.append(((top, name), field, value))
    return given


def _ignored(document: Document, path: Path) -> None:
    document.problems.warning(
        "server-key-ignored",
        f"{dotted(path)} has no effect in a layout of the folder",
        "put it into the configuration file",
        document.positions.of_key(*path),
    )


def _converted(document: Document, path: Path, field: str, value: Any) -> dict[str, Any]:
    """The value in its setting's type; ports and flags come as text in the files of the field."""
    kinds = {one.name: one.type for one in msgspec.structs.fields(ProvisionSettings)}
    try:
        return {field: msgspec.convert(value, kinds[field], strict=not isinstance(value, str))}
    except msgspec.ValidationError as error:
        wanted = _wanted(field)
        if " got " in str(error) and not isinstance(value, str):
            document.wrong_type(path, wanted)
        else:
            document.error(
                path, "invalid-value", f"{dotted(path)} is not {wanted}", f"write {wanted}"
            )
    return {}


def _wanted(field: str) -> str:
    if field == "http_port":
        return "a port from 1 to 65535"
    default = getattr(ProvisionSettings(), field)
    return _KINDS[type(default)]


def _plain(name: str) -> str:
    """A key without the prefix of the release its file was written for."""
    name = name.lower()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
