"""Writes docs/configuration.md and docs/openapi/ from settings types and routes.

`python -m docs.generate` writes, with `--check` it only says what is stale and fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from aiohttp import web

from services.bootstrap.app import create_app as create_bootstrap
from services.bootstrap.settings import BootstrapSettings
from services.certs.app import create_app as create_certs
from services.certs.settings import CertsSettings
from services.http_adapter.app import create_app as create_http_adapter
from services.http_adapter.settings import HttpAdapterSettings
from services.mqtt_auth.app import create_app as create_mqtt_auth
from services.mqtt_auth.settings import MqttAuthSettings
from services.provision.app import create_app as create_provision
from services.provision.settings import ProvisionSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from services.users.app import create_app as create_users
from services.users.settings import UsersSettings
from shared.durations import format_duration
from shared.http.openapi import DESCRIPTION
from shared.settings import FieldDescription, ServiceSettings, Settings, describe, load_settings

FOLDER = Path(__file__).parent
SERVICES: tuple[tuple[str, type[Any], Callable[[Any], web.Application]], ...] = (
    ("users", UsersSettings, create_users),
    ("things", ThingsSettings, create_things),
    ("bootstrap", BootstrapSettings, create_bootstrap),
    ("certs", CertsSettings, create_certs),
    ("provision", ProvisionSettings, create_provision),
    ("http_adapter", HttpAdapterSettings, create_http_adapter),
    ("mqtt_auth", MqttAuthSettings, create_mqtt_auth),
)
_HEAD = """\
# Configuration

Every setting is an environment variable. The first name is ours; where it is unset, the same name
with the prefix `MG_` and then `MF_` (earlier releases) is read, then the further names in the
table with each prefix. An empty variable counts as unset. A malformed one stops the start and is
named.

This page is generated from the settings types by `make docs`.
"""

_BESIDES = """\
## Besides

| variable | what it is |
| --- | --- |
| `OTEL_EXPORTER_OTLP_ENDPOINT` | Where [traces](observability.md) go; without it, nowhere. |
| `OTEL_*` | The other variables of OpenTelemetry's specification, as soon as that one is set. |
| `SMQ_COMMIT`, `SMQ_BUILD_TIME` | What `/health` says about the build. |
| `PEX_ROOT` | Where a [single file](operations.md) unpacks itself. |
"""


def pages() -> Iterator[tuple[Path, str]]:
    """Each generated file and what should be in it."""
    sections = [_HEAD, "## Every service\n", _table("<service>", ServiceSettings, skip=set())]
    common = {field.name: field for field in describe(ServiceSettings)}
    for service, kind, create_app in SERVICES:
        own = {
            field.name
            for field in describe(kind)
            if field.name not in common or field.default != common[field.name].default
        }
        sections += [f"## {service}\n", _table(service, kind, skip=set(common) - own)]
        settings = load_settings(kind, service=service, environment={})
        api = create_app(settings)[DESCRIPTION]
        text = msgspec.json.format(msgspec.json.encode(api), indent=2).decode()
        yield FOLDER / "openapi" / f"{service}.json", text + "\n"
    yield FOLDER / "configuration.md", "\n".join([*sections, _BESIDES])


def main() -> int:
    """Write, or say what is stale; answers the exit code."""
    parser = argparse.ArgumentParser(prog="docs.generate")
    parser.add_argument("--check", action="store_true")
    stale = []
    check = parser.parse_args().check
    for path, text in pages():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if check and stale:
        names = ", ".join(str(path.relative_to(FOLDER.parent)) for path in stale)
        sys.stderr.write(f"stale, run `make docs`: {names}\n")
        return 1
    return 0


def _table(service: str, kind: type[Settings], skip: set[str]) -> str:
    lines = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for field in describe(kind, service):
        if field.name in skip:
            continue
        names = [name.removeprefix("SMQ_") for name in field.variables if name.startswith("SMQ_")]
        others = "".join(f"<br>or `SMQ_{name}`" for name in names[1:])
        lines.append(f"| `SMQ_{names[0]}`{others} | {_default(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldDescription) -> str:
    if field.default is None:
        return "required" if not _may_be_none(field.kind) else ""
    if isinstance(field.default, timedelta):
        return f"`{format_duration(field.default)}`"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`" if field.default != "" else ""


def _may_be_none(kind: Any) -> bool:
    arguments = get_args(kind)
    return type(None) in arguments or (
        get_origin(kind) is not None and any(map(_may_be_none, arguments))
    )


if __name__ == "__main__":
    sys.exit(main())
