"""Where keys and values stand in a TOML text.

tomli says what a text means and tree-sitter where it says so; docs/adr/0006-layout-positions.md
tells why both are needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import tomli
import tree_sitter_toml
from msgspec import Struct
from tree_sitter import Language, Node, Parser, Point

Path = tuple[str | int, ...]

_LANGUAGE = Language(tree_sitter_toml.language())
_PUNCTUATION = frozenset({"[", "]", "[[", "]]", "{", "}", ",", "=", "."})


class Position(Struct, frozen=True):
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


START = Position(1, 1)


class Positions:
    """The places of everything in a text that tomli has accepted.

    A text that is newer TOML than the grammar knows is located as far as it is understood; what is
    not found is said to be where the table stands that holds it.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.encode().split(b"\n")
        self._keys: dict[Path, Point] = {}
        self._values: dict[Path, Point] = {}
        self._lengths: dict[Path, int] = {}
        tree = Parser(_LANGUAGE).parse(text.encode())
        self._read_statements(tree.root_node, ())

    def of_key(self, *path: str | int) -> Position:
        """Where a key stands, or an array's element."""
        return self._nearest(self._keys, path)

    def of_value(self, *path: str | int) -> Position:
        """Where a value begins; a table begins with its header."""
        return self._nearest(self._values, path)

    def _nearest(self, places: dict[Path, Point], path: Path) -> Position:
        if path in places:
            return self._position(places[path])
        while path:
            if path in self._keys:
                return self._position(self._keys[path])
            path = path[:-1]
        return START

    def _read_statements(self, node: Node, table: Path) -> None:
        for child in node.children:
            if child.type == "pair":
                self._read_pair(child, table)
            elif child.type in ("table", "table_array_element"):
                self._read_table(child)
            elif child.type == "ERROR":
                self._read_statements(child, table)

    def _read_table(self, node: Node) -> None:
        header = next((child for child in node.children if _is_key(child)), None)
        parts = _parts(header)
        if not parts:
            return
        table: Path = ()
        start = node.start_point
        for name in parts[:-1]:
            table = self._current((*table, name))
            self._keys.setdefault(table, start)
        table = (*table, parts[-1])
        if node.type == "table_array_element":
            self._keys.setdefault(table, start)
            self._lengths[table] = self._lengths.get(table, 0) + 1
            table = self._current(table)
        # A header may come after headers of tables inside it, and is the better place.
        self._keys[table] = start
        self._values[table] = start
        self._read_statements(node, table)

    def _read_pair(self, node: Node, table: Path) -> None:
        key = next((child for child in node.children if _is_key(child)), None)
        parts = _parts(key)
        if key is None or not parts:
            return
        path = table
        for name in parts:
            path = (*path, name)
            self._keys.setdefault(path, key.start_point)
        for value in _values(node):
            if value.id != key.id:
                self._read_value(value, path)

    def _read_value(self, node: Node, path: Path) -> None:
        self._values[path] = node.start_point
        if node.type == "inline_table":
            self._read_statements(node, path)
        elif node.type == "array":
            for index, element in enumerate(_values(node)):
                self._keys[*path, index] = element.start_point
                self._read_value(element, (*path, index))

    def _current(self, path: Path) -> Path:
        """A header's path, with the array's element that it speaks of."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _position(self, point: Point) -> Position:
        before = self._lines[point.row][: point.column].decode(errors="ignore")
        return Position(point.row + 1, len(before) + 1)


def _values(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.type not in _PUNCTUATION and child.type not in ("comment", "ERROR"):
            yield child


def _is_key(node: Node) -> bool:
    return node.type in ("bare_key", "quoted_key", "dotted_key")


def _parts(key: Node | None) -> list[str]:
    """A key's parts as tomli reads them; none if the grammar has mistaken something for a key."""
    text = key.text.decode() if key and key.text else ""
    value: object
    try:
        value, parts = tomli.loads(f"{text} = 0"), []
    except tomli.TOMLDecodeError:
        return []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        parts.append(name)
    return parts
