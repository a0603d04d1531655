"""`[bootstrap.content]`: what the gateway's Agent gets to read."""

from __future__ import annotations

import msgspec

from services.provision.layout.document import DEEPEST, Document, depth
from services.provision.settings import ProvisionSettings
from shared.contracts.common import JsonObject


def content_path(document: Document) -> tuple[str, str]:
    """Where the content stands, or would stand."""
    for top, table in document.values.items():
        if top.lower() == "bootstrap" and isinstance(table, dict):
            for name in table:
                if name.lower() == "content":
                    return (top, name)
    return ("bootstrap", "content")


def read_content(document: Document, settings: ProvisionSettings) -> JsonObject | None:
    """The file's content, else the environment's, else none."""
    path = content_path(document)
    top, name = path
    table = document.values.get(top)
    value = table.get(name, "") if isinstance(table, dict) else ""
    if isinstance(value, dict):
        return document.json_object(path, value, nul=True)
    if not isinstance(value, str):
        document.wrong_type(path, "a table: [bootstrap.content]")
        return None
    # Files of the first releases hold the content as text, empty if there is none.
    text = value or settings.bs_content
    content = _decoded(text)
    if text and content is None:
        source = "bootstrap.content" if value else "SMQ_PROVISION_BS_CONTENT"
        document.error(
            path,
            "not-json",
            f"{source} is not a JSON object",
            "write a table [bootstrap.content], a JSON object as text, or nothing",
        )
    return content


def _decoded(text: str) -> JsonObject | None:
    try:
        content = msgspec.json.decode(text, type=JsonObject)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if depth(content) > DEEPEST else content
