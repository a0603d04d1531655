"""What a gateway's Agent makes of the answer it fetched, as files.

The Agent reads `config.toml`, Export beside it a file of its own; both are made of the answer's
`content`, completed by the thing's id and key and by the channels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.choices import CliError
from cli.codes import FAILED
from cli.files import write_private
from cli.toml import write_toml

_CERTIFICATES = {"client_cert": "thing.crt", "client_key": "thing.key", "ca_cert": "ca.crt"}


def write_files(folder: Path, answer: bytes) -> list[Path]:
    """Write what Agent and Export read, readable by nobody else; answers the files.

    Raises:
        CliError: An Agent could not start with this answer.
    """
    files = {"device.json": answer.decode(), **_files(json.loads(answer))}
    return write_private(folder, files)


def _files(answer: dict[str, Any]) -> dict[str, str]:
    content = _content(answer)
    agent, export = content.get("agent", {}), content.get("export", {})
    control, data = _channels(answer)
    certificates = {
        name: answer[member] for member, name in _CERTIFICATES.items() if answer.get(member)
    }
    mqtt = {
        **agent.get("mqtt", {}),
        "username": answer["thing_id"],
        "password": answer["thing_key"],
        **{member: answer[member] for member in _CERTIFICATES if answer.get(member)},
    }
    files = {
        "config.toml": write_toml(
            {**agent, "channels": {"control": control, "data": data}, "mqtt": mqtt}
        )
    }
    if export:
        files["export.toml"] = write_toml(_export(export, answer, data))
    return {**files, **certificates}


def _content(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(answer.get("content", ""))
    except ValueError:
        content = None
    parts = ("agent", "export")
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part, {}), dict) for part in parts
    ):
        raise CliError(
            "the config's content is not what an Agent reads",
            hint="it is a JSON object with `agent` and `export`, as layouts write it",
            code=FAILED,
        )
    return content


def _channels(answer: dict[str, Any]) -> tuple[str, str]:
    channels = answer.get("channels", [])
    if len(channels) < 2:
        raise CliError("an Agent needs two channels, control and data", code=FAILED)
    control, data = channels[:2]
    if (control.get("metadata") or {}).get("type") == "data":
        control, data = data, control
    return control["id"], data["id"]


def _export(export: dict[str, Any], answer: dict[str, Any], data: str) -> dict[str, Any]:
    mqtt = export.get("mqtt", {})
    completed = {
        **mqtt,
        "username": mqtt.get("username") or answer["thing_id"],
        "password": mqtt.get("password") or answer["thing_key"],
    }
    routes = [
        {**route, "mqtt_topic": route.get("mqtt_topic") or f"channels/{data}/messages"}
        for route in export.get("routes", [])
    ]
    return {**export, "mqtt": completed, "routes": routes}
