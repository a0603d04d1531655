"""Writes TOML, for which there is nothing in the standard library.

Enough for what was JSON before: tables, lists of tables, lists of values, and values but null,
which TOML does not have and which is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(document: Mapping[str, Any]) -> str:
    """A document as TOML text."""
    return "\n".join(_table(document, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    tables = {name: value for name, value in table.items() if _is_table(value)}
    for name, value in table.items():
        if name not in tables and value is not None:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in tables.items():
        inner = (*path, name)
        heading = ".".join(map(_key, inner))
        if isinstance(value, Mapping):
            yield f"\n[{heading}]"
            yield from _table(value, inner)
            continue
        for each in value:
            yield f"\n[[{heading}]]"
            yield from _table(each, inner)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
    )


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value if each is not None)}]"
    if isinstance(value, Mapping):
        pairs = (
            f"{_key(name)} = {_value(each)}" for name, each in value.items() if each is not None
        )
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for the one character that only TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
