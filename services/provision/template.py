"""`${...}` in a layout's texts: strict, so that a name is known or the layout is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_ESCAPED = "$${"


def references(text: str) -> Iterator[str | None]:
    """The names a text refers to; None for a `${` that is never closed."""
    for token in _TOKEN.finditer(text):
        if token[0] != _ESCAPED:
            yield token[1]


def render(value: Any, names: Mapping[str, str]) -> Any:
    """Fill in the names, in all texts of a JSON value; keys stay as they are.

    Raises:
        KeyError: A name is unknown. Layouts with unknown names do not load.
    """
    if isinstance(value, str):
        return _TOKEN.sub(lambda token: "${" if token[0] == _ESCAPED else names[token[1]], value)
    if isinstance(value, dict):
        return {key: render(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, names) for item in value]
    return value
