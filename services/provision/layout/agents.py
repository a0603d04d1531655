"""What the Agents in the field can read of a config's content.

They decode it into fixed types and give up at the first member of another type; members that they
do not know they pass over. The shapes are those of the Agent and of Export, which reads its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from services.provision.layout.document import type_name
from services.provision.layout.positions import Path
from shared.contracts.common import JsonObject
from shared.durations import parse_duration


class Members(Struct, frozen=True):
    """A table; members may be missing unless they are required."""

    known: dict[str, Shape]
    required: tuple[str, ...] = ()


class Leaf(Struct, frozen=True):
    """A plain value; `advice` says what it has to be."""

    advice: str


class Many(Struct, frozen=True):
    """An array."""

    of: Members


Shape = Members | Leaf | Many

TEXT = Leaf("text")
FLAG = Leaf("true or false")
NUMBER = Leaf("a whole number")
QUALITY = Leaf("0, 1 or 2")
SPAN = Leaf('a duration such as "30s", or a number of nanoseconds, above zero')


def _all(shape: Shape, *names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, shape)


_MQTT = _all(FLAG, "mtls", "retain", "skip_tls_ver") | {"qos": QUALITY}
_FILES = _all(TEXT, "ca_path", "cert_path", "priv_key_path")
_AGENT = Members(
    {
        "server": Members(_all(TEXT, "port", "broker_url", "nats_url")),
        "edgex": Members(_all(TEXT, "url")),
        "log": Members(_all(TEXT, "level")),
        "mqtt": Members(_all(TEXT, "url") | _MQTT),
        "heartbeat": Members({"interval": SPAN}, required=("interval",)),
        "terminal": Members({"session_timeout": SPAN}, required=("session_timeout",)),
    }
)
_EXPORT = Members(
    {
        "exp": Members(
            _all(TEXT, "log_level", "nats", "port", "cache_url", "cache_pass", "cache_db")
        ),
        "mqtt": Members(_all(TEXT, "host", "username", "password", "channel") | _FILES | _MQTT),
        "routes": Many(
            Members(
                _all(TEXT, "mqtt_topic", "nats_topic", "subtopic", "type") | {"workers": NUMBER}
            )
        ),
    }
)
_CONTENT = Members({"agent": _AGENT, "export": _EXPORT})


class Mismatch(Struct, frozen=True):
    """A value that an Agent cannot read."""

    path: Path
    message: str
    advice: str


def is_for_an_agent(content: JsonObject | None) -> bool:
    """Whether an Agent is meant to read it."""
    return content is not None and ("agent" in content or "export" in content)


def mismatches(
    content: JsonObject, path: Path, *, has_certificate: bool = False
) -> Iterator[Mismatch]:
    """Everything at which an Agent would give up.

    Args:
        path: Where the content stands.
        has_certificate: Whether the gateway gets one.
    """
    yield from _compare(content, _CONTENT, path)
    if not has_certificate and _member(content, "agent", "mqtt", "mtls") is True:
        yield Mismatch(
            (*path, "agent", "mqtt", "mtls"),
            "the Agent does not start with mtls and without a certificate",
            "write mtls = false, or x509_provision = true under [bootstrap]",
        )


def _compare(value: Any, shape: Shape, path: Path) -> Iterator[Mismatch]:
    if isinstance(shape, Leaf):
        if not _fits(value, shape):
            yield _mismatch(path, value, shape.advice)
    elif isinstance(shape, Many):
        if not isinstance(value, list):
            yield _mismatch(path, value, "an array of tables")
            return
        for number, item in enumerate(value):
            yield from _compare(item, shape.of, (*path, number))
    elif not isinstance(value, dict):
        yield _mismatch(path, value, "a table")
    else:
        for name, member in shape.known.items():
            if name in value:
                yield from _compare(value[name], member, (*path, name))
            elif name in shape.required:
                yield Mismatch(path, f"{path[-1]} has no {name}", f"add {name}, or leave both out")


def _fits(value: Any, shape: Leaf) -> bool:
    if shape is TEXT:
        return isinstance(value, str)
    if shape is FLAG:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if shape is SPAN:
        return _is_span(value)
    return isinstance(value, int) and (shape is NUMBER or value in (0, 1, 2))


def _is_span(value: Any) -> bool:
    if isinstance(value, str):
        try:
            return parse_duration(value).total_seconds() > 0
        except ValueError:
            return False
    return isinstance(value, int | float) and value > 0


def _mismatch(path: Path, value: Any, advice: str) -> Mismatch:
    shown = type_name(value) if not isinstance(value, str | int | float) else repr(value)
    return Mismatch(path, f"an Agent cannot read {shown} as {path[-1]}", f"write {advice}")


def _member(content: Any, *names: str) -> Any:
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
