"""The configuration file: settings of the service and the layout of a gateway, from TOML.

The keys, their spellings and what wins over what are those of the original, so that its users'
files work unchanged; docs/layouts.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog
import tomli

from services.provision.domain import Layout, LayoutChannel, LayoutError, LayoutThing
from services.provision.settings import ProvisionSettings
from shared.contracts.common import JsonObject

logger = structlog.get_logger(__name__)

BUILT_IN_THINGS: tuple[LayoutThing, ...] = (
    LayoutThing(name="thing", metadata={"external_id": ""}),
)
BUILT_IN_CHANNELS: tuple[LayoutChannel, ...] = (
    LayoutChannel(name="control-channel", metadata={"type": "control"}),
    LayoutChannel(name="data-channel", metadata={"type": "data"}),
)

_PREFIXES = ("smq_", "mg_", "mf_")

# Keys of the file and the settings they stand for; None: known, and of no effect here.
_KEYS: dict[str, str | None] = {
    "file": None,
    "server.http_port": "http_port",
    "server.port": None,
    "server.log_level": "log_level",
    "server.tls": None,
    "server.server_cert": "http_server_cert",
    "server.server_key": "http_server_key",
    "server.users_url": "users_url",
    "server.users_location": "users_url",
    "server.things_url": "things_url",
    "server.things_location": "things_url",
    "server.user": "user",
    "server.pass": "password",
    "server.api_key": "api_key",
    "server.bs_url": "bootstrap_url",
    "server.white_list": None,
    "server.certs_url": None,
    "bootstrap.provision": "bs_config_provisioning",
    "bootstrap.autowhite_list": "bs_auto_whitelist",
    "bootstrap.x509_provision": "x509_provisioning",
    "cert.ttl": None,
    "smq_provision_api_key": "api_key",
    "server.provision_api_key": "api_key",
}
_TABLES = ("bootstrap.content", "things", "channels")


class Configuration(msgspec.Struct, frozen=True):
    """What the file and the environment come to."""

    settings: ProvisionSettings
    layout: Layout


def read_configuration(settings: ProvisionSettings) -> Configuration:
    """Join the configuration file, if there is one, with the environment's settings.

    A value in the file wins, an explicit `false` or empty text too; lists that are missing fall
    back to the built-in layout of one thing with a control and a data channel.

    Raises:
        LayoutError: Naming the file and what is wrong in it.
    """
    path = Path(settings.config_file)
    document: dict[str, Any] = {}
    if path.is_file():
        try:
            document = tomli.loads(path.read_text(encoding="utf-8"))
        except (tomli.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise LayoutError(f"{path}: {error}") from None
    else:
        logger.info("configuration_file_missing", file=str(path), layout="built-in")
    try:
        joined = _join(settings, document, str(path))
        return Configuration(joined, _layout(joined, document))
    except msgspec.ValidationError as error:
        raise LayoutError(f"{path}: {error}") from None
    except LayoutError as error:
        raise LayoutError(f"{path}: {error}") from None


def _join(settings: ProvisionSettings, document: Mapping[str, Any], file: str) -> ProvisionSettings:
    values: dict[str, Any] = {}
    for key, value in _flat(document):
        name = _plain(key)
        if name not in _KEYS:
            logger.warning("unknown_key_ignored", file=file, key=key)
        elif (field := _KEYS[name]) is not None:
            values[field] = value
    kinds = {field.name: field.type for field in msgspec.structs.fields(ProvisionSettings)}
    converted = {name: _checked(name, value, kinds[name]) for name, value in values.items()}
    return msgspec.structs.replace(settings, **converted)


def _checked(name: str, value: Any, kind: Any) -> Any:
    """A file's value in its setting's type; ports come as text in the files of the field."""
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise LayoutError(f"{name}: {error}") from None


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The document's plain values with their dotted keys, the layout's own tables left out."""
    for key, value in document.items():
        path = f"{prefix}{key}"
        if path in _TABLES:
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


def _plain(key: str) -> str:
    """A key without the prefix of the release its file was written for."""
    *tables, name = key.lower().split(".")
    if tables:
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
    return ".".join([*tables, name])


def _layout(settings: ProvisionSettings, document: Mapping[str, Any]) -> Layout:
    things = BUILT_IN_THINGS
    channels = BUILT_IN_CHANNELS
    if "things" in document:
        things = msgspec.convert(document["things"], tuple[LayoutThing, ...])
    if "channels" in document:
        channels = msgspec.convert(document["channels"], tuple[LayoutChannel, ...])
    layout = Layout(
        things=things,
        channels=channels,
        content=_content(settings, document),
        makes_config=settings.bs_config_provisioning,
        whitelists=settings.bs_auto_whitelist,
    )
    _refuse_unusable(layout, settings)
    return layout


def _content(settings: ProvisionSettings, document: Mapping[str, Any]) -> JsonObject | None:
    bootstrap = document.get("bootstrap", {})
    if isinstance(bootstrap, dict) and "content" in bootstrap:
        return msgspec.convert(msgspec.to_builtins(bootstrap["content"]), JsonObject)
    if settings.bs_content:
        try:
            return msgspec.json.decode(settings.bs_content, type=JsonObject)
        except msgspec.DecodeError:
            raise LayoutError("SMQ_PROVISION_BS_CONTENT is not a JSON object") from None
    return None


def _refuse_unusable(layout: Layout, settings: ProvisionSettings) -> None:
    if not layout.things:
        raise LayoutError("things list in configuration empty")
    if not layout.channels:
        raise LayoutError("channels list in configuration is empty")
    if sum(thing.has_config for thing in layout.things) > 1:
        raise LayoutError("more than one thing has external_id in its metadata")
    if any(not channel.name for channel in layout.channels):
        raise LayoutError("a channel has no name")
    if layout.whitelists and not layout.makes_config:
        raise LayoutError("bootstrap.autowhite_list needs bootstrap.provision")
    if settings.x509_provisioning:
        raise LayoutError(
            "bootstrap.x509_provision needs the certs service, which is not there yet"
        )
