"""Environment variables into frozen typed settings, read once at start.

A field `http_port` of the things service is read from `SMQ_THINGS_HTTP_PORT`, else
`MG_THINGS_HTTP_PORT`, else `MF_THINGS_HTTP_PORT` (earlier releases' prefixes). `variables` in a
field's `Meta.extra` names further variables (without prefix) that are read when those are unset.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from shared.durations import parse_duration

PREFIXES = ("SMQ", "MG", "MF")
_TRUE = {"true", "1", "yes", "on", "t"}
_FALSE = {"false", "0", "no", "off", "f"}

Port = Annotated[int, Meta(ge=1, le=65535)]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]


class SettingsError(Exception):
    """One or more variables are missing or malformed; every one is named."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(Struct, frozen=True, kw_only=True):
    """Base of every service's settings; hides secrets when printed."""

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={'***' if field.is_secret else repr(getattr(self, field.name))}"
            for field in describe(type(self))
        )
        return f"{type(self).__name__}({shown})"


class ServiceSettings(Settings, frozen=True, kw_only=True):
    """What every service reads."""

    http_host: Annotated[str, Meta(description="Address to listen on; empty means all.")] = ""
    http_port: Annotated[Port, Meta(description="Port to listen on.")]
    http_server_cert: Annotated[
        str, Meta(description="Certificate file; with the key it turns on TLS.")
    ] = ""
    http_server_key: Annotated[str, Meta(description="Key file of the certificate.")] = ""
    workers: Annotated[PositiveInt, Meta(description="Worker processes sharing the port.")] = 1
    log_level: Annotated[
        str, Meta(description="debug, info, warning or error.", extra={"variables": ["LOG_LEVEL"]})
    ] = "info"
    instance_id: Annotated[
        str, Meta(description="Name of this instance in /health; random when empty.")
    ] = ""
    production: Annotated[
        bool,
        Meta(
            description="Refuse to start with keys that were not given.",
            extra={"variables": ["PRODUCTION"]},
        ),
    ] = False
    state_dir: Annotated[
        str,
        Meta(
            description="Folder in which keys that were not given are made once.",
            extra={"variables": ["STATE_DIR"]},
        ),
    ] = "~/.local/state/supermq"
    users_url: Annotated[
        str, Meta(description="Where users answers.", extra={"variables": ["USERS_URL"]})
    ] = "http://localhost:9002"
    nats_url: Annotated[
        str,
        Meta(
            description="NATS server for events; several of a cluster separated by commas.",
            extra={"variables": ["NATS_URL", "BROKER_URL"], "secret": True},
        ),
    ] = "nats://localhost:4222"
    redis_url: Annotated[
        str,
        Meta(
            description="Redis server for caches and their invalidation.",
            extra={"variables": ["REDIS_URL"], "secret": True},
        ),
    ] = "redis://localhost:6379/0"
    database_url: Annotated[
        str,
        Meta(description="This service's database, whole.", extra={"secret": True}),
    ] = ""
    database_server_url: Annotated[
        str,
        Meta(
            description="PostgreSQL server; the database named after the service is used.",
            extra={"variables": ["DATABASE_URL"], "secret": True},
        ),
    ] = ""
    db_host: Annotated[str, Meta(description="Database host, when no URL is given.")] = ""
    db_port: Annotated[Port, Meta(description="Database port, when no URL is given.")] = 5432
    db_user: Annotated[str, Meta(description="Database role, when no URL is given.")] = ""
    db_pass: Annotated[
        str, Meta(description="Its password, when no URL is given.", extra={"secret": True})
    ] = ""
    db_name: Annotated[str, Meta(description="Database name, when no URL is given.")] = ""
    database_pool_size: Annotated[
        PositiveInt, Meta(description="Connections to PostgreSQL per worker.")
    ] = 4
    auto_migrate: Annotated[bool, Meta(description="Migrate the database at start.")] = True
    encryption_key: Annotated[
        str,
        Meta(
            description="32 bytes in base64 that protect secrets at rest; behind them, separated"
            " by commas, earlier ones that values may still be sealed with.",
            extra={"variables": ["ENCRYPTION_KEY"], "secret": True},
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        Meta(
            description="Addresses or networks, separated by commas, that X-Forwarded-For is"
            " believed from.",
            extra={"variables": ["TRUSTED_PROXIES"]},
        ),
    ] = ""
    service_secret: Annotated[
        str,
        Meta(
            description="Proves to users which service is calling.",
            extra={"secret": True},
        ),
    ] = ""


class FieldDescription(Struct, frozen=True):
    """One setting as documentation and loader see it."""

    name: str
    kind: Any
    description: str
    default: Any
    variables: tuple[str, ...]
    is_secret: bool


def describe(kind: type[Settings], service: str = "") -> list[FieldDescription]:
    """List the settings of a type with the variables they are read from, first one first."""
    hints = get_type_hints(kind, include_extras=True)
    described = []
    for field in msgspec.structs.fields(kind):
        metas = _metas(hints[field.name])
        extra: dict[str, Any] = {}
        for meta in metas:
            extra |= meta.extra or {}
        names = [f"{service.upper()}_{field.name.upper()}", *extra.get("variables", [])]
        described.append(
            FieldDescription(
                name=field.name,
                kind=hints[field.name],
                description=next((m.description for m in metas if m.description), ""),
                default=None if field.default is msgspec.NODEFAULT else field.default,
                variables=tuple(f"{prefix}_{name}" for prefix in PREFIXES for name in names),
                is_secret=bool(extra.get("secret")),
            )
        )
    return described


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings(
    kind: type[SettingsT], *, service: str, environment: Mapping[str, str] | None = None
) -> SettingsT:
    """Read a service's settings from the environment.

    Empty variables count as unset, as in compose files.

    Raises:
        SettingsError: Naming every variable that is missing or malformed.
    """
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    values: dict[str, Any] = {}
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    for field in describe(kind, service):
        variable = next((name for name in field.variables if environment.get(name)), None)
        if variable is None:
            if field.name in required:
                problems.append(f"{field.variables[0]} is not set")
            continue
        try:
            values[field.name] = _convert(environment[variable], field.kind)
        except (msgspec.ValidationError, ValueError) as error:
            reason = "" if field.is_secret else f": {error}"
            problems.append(f"{variable} is malformed{reason}")
    if problems:
        raise SettingsError(problems)
    return kind(**values)


def _metas(hint: Any) -> list[Meta]:
    if get_origin(hint) is Annotated:
        return [*_metas(get_args(hint)[0]), *(m for m in get_args(hint)[1:] if isinstance(m, Meta))]
    return []


def _plain(hint: Any) -> Any:
    return _plain(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _convert(text: str, hint: Any) -> Any:
    plain = _plain(hint)
    if plain is timedelta:
        return parse_duration(text)
    if plain is bool:
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise ValueError("expected true or false")
    return msgspec.convert(text, hint, strict=False)
