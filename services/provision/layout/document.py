"""A TOML text as values, with the places where they stand."""

from __future__ import annotations

import datetime
import math
from functools import cached_property
from typing import Any

import tomli

from services.provision.layout.positions import START, Path, Position, Positions
from services.provision.layout.problems import Problems
from shared.contracts.common import JsonObject

DEEPEST = 60
_INTEGERS = range(-(2**63), 2**63)


class Document:
    """What a file says.

    Args:
        values: What tomli made of the text.
        problems: Where everything that is wrong with the file is gathered.
    """

    def __init__(self, text: str, values: dict[str, Any], problems: Problems) -> None:
        self.values = values
        self.problems = problems
        self._text = text

    @cached_property
    def positions(self) -> Positions:
        """Where things stand; found out only when something is wrong."""
        return Positions(self._text)

    def error(self, path: Path, code: str, message: str, advice: str) -> None:
        """Something is wrong with the value at a path."""
        self.problems.error(code, message, advice, self.positions.of_value(*path))

    def warning(self, path: Path, code: str, message: str, advice: str) -> None:
        """The value at a path is hardly what was meant."""
        self.problems.warning(code, message, advice, self.positions.of_value(*path))

    def unknown_key(self, path: Path, advice: str) -> None:
        """Nobody will ever look at this key."""
        position = self.positions.of_key(*path)
        self.problems.warning("unknown-key", f"unknown key {dotted(path)}", advice, position)

    def wrong_type(self, path: Path, wanted: str) -> None:
        """The value at a path is of another type."""
        value: Any = self.values
        for name in path:
            value = value[name]
        self.error(path, "wrong-type", f"{dotted(path)} is {type_name(value)}", f"write {wanted}")

    def json_object(self, path: Path, value: dict[str, Any], *, nul: bool = False) -> JsonObject:
        """A table as JSON: times as text; what JSON or a database cannot hold is an error.

        Args:
            nul: Whether the character U+0000 is fine.
        """
        return {name: self._json(value[name], (*path, name), nul) for name in value}

    def check_characters(self, path: Path, text: str) -> None:
        """U+0000 is the one character that PostgreSQL does not store."""
        if "\0" in text:
            self.error(
                path,
                "forbidden-character",
                f"{dotted(path)} contains the character U+0000",
                "leave it out, it cannot be stored",
            )

    def _json(self, value: Any, path: Path, nul: bool) -> Any:
        if not nul:
            for text in (value, path[-1]):
                if isinstance(text, str):
                    self.check_characters(path, text)
        if isinstance(value, dict):
            return self.json_object(path, value, nul=nul)
        if isinstance(value, list):
            return [self._json(item, (*path, index), nul) for index, item in enumerate(value)]
        if isinstance(value, datetime.datetime | datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, float) and not math.isfinite(value):
            self.error(path, "not-json", f"JSON has no {value}", "write a finite number, or text")
        if isinstance(value, int) and value not in _INTEGERS:
            self.error(path, "not-json", "the number does not fit in 64 bits", "write it as text")
        return value


def read_document(data: bytes, problems: Problems) -> Document | None:
    """Parse a file; None, with a problem, if it is not TOML."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        position = Position(before.count("\n") + 1, len(before.rsplit("\n", 1)[-1]) + 1)
        problems.error("syntax", "the file is not UTF-8 text", "save it as UTF-8", position)
        return None
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        position = Position(error.lineno, error.colno)
        problems.error("syntax", _first_down(error.msg), "see https://toml.io/en/v1.1.0", position)
        return None
    except (ValueError, RecursionError):
        problems.error(
            "syntax", "a number is too long or tables are nested too deeply", "simplify it"
        )
        return None
    if depth(values) > DEEPEST:
        problems.error(
            "too-deep", f"tables are nested more than {DEEPEST} deep", "flatten them", START
        )
        return None
    return Document(text, values, problems)


def dotted(path: Path) -> str:
    """A path as people write it: `things[0].metadata.type`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text.replace("\0", "\\u0000")


def type_name(value: Any) -> str:
    """What TOML calls a value."""
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "a boolean"),
        (str, "text"),
        (int, "an integer"),
        (float, "a float"),
        (list, "an array"),
        (dict, "a table"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "a time")


def _first_down(message: str) -> str:
    return message[:1].lower() + message[1:]


def depth(values: Any) -> int:
    """How many tables and arrays stand inside each other."""
    levels = 0
    level = [values]
    while level:
        levels += 1
        level = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
            if isinstance(item, dict | list)
        ]
    return levels
