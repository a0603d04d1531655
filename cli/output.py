"""Prints: tables for people, exact and stable text for programs.

A terminal gets colours and columns that fit; everything else gets the same facts bare and uncut.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from cli.choices import Choices
from cli.shown import Done, Item, Items, Page, Rows, Shown, Text
from cli.views import View


async def show(choices: Choices, shown: Shown | None) -> int | None:
    """Print an answer in the chosen form; answers the exit code if it is not 0."""
    match shown:
        case Items():
            await _show_items(choices, shown)
        case Item():
            _show_item(choices, shown)
        case Text():
            _show_text(choices, shown)
        case Rows():
            _show_rows(choices, shown.view, shown.items, {shown.view.members: shown.items})
            return shown.code or None
        case Page():
            if choices.output == "table":
                _print("\n".join(shown.lines))
            else:
                _show_item(choices, Item(shown.body, shown.view))
            return shown.code or None
        case Done():
            if choices.output == "table" and is_terminal():
                _print(shown.fact)
        case None:
            pass
    return None


def is_terminal() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout.isatty()


def cell(value: Any) -> str:
    """A value as one piece of a line."""
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(printable(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def printable(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours."""
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text
    )


def dumps(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


async def _show_items(choices: Choices, shown: Items) -> None:
    gathered: list[dict[str, Any]] = []
    total = 0
    first = True
    async for page in shown.pages():
        items = page[shown.view.members]
        total = page["total"]
        if choices.output in {"table", "json"}:
            gathered += items
        else:
            _show_rows(choices, shown.view, items, page, with_head=first)
        first = False
    if choices.output in {"table", "json"}:
        offset = 0 if shown.part.everything else shown.part.offset
        limit = len(gathered) if shown.part.everything else shown.part.limit
        head = {"total": total, "offset": offset, "limit": limit}
        _show_rows(choices, shown.view, gathered, {**head, shown.view.members: gathered})
        seen = offset + len(gathered)
        if choices.output == "table" and seen < total:
            choices.hint(
                f"{len(gathered)} of {total}; --offset {seen} shows more, --all everything"
            )


def _show_rows(
    choices: Choices,
    view: View,
    items: Sequence[dict[str, Any]],
    page: dict[str, Any],
    *,
    with_head: bool = True,
) -> None:
    if choices.output == "json":
        _print(dumps(page))
    elif choices.output == "ndjson":
        _print_each(dumps(item, indent=None) for item in items)
    elif choices.output == "name":
        _print_each(str(_at(item, view.name)) for item in items)
    elif choices.output == "csv":
        _print_csv((*view.columns, *view.more), items, with_head=with_head)
    elif is_terminal():
        from cli.terminal import print_table

        print_table(_headings(view.columns), _table(view.columns, items))
    else:
        _print_each(plain_table(_headings(view.columns), _table(view.columns, items)))


def _show_item(choices: Choices, shown: Item) -> None:
    from msgspec import to_builtins

    body = to_builtins(shown.body)
    view = shown.view
    if choices.output == "json":
        _print(dumps(body))
    elif choices.output == "ndjson":
        _print(dumps(body, indent=None))
    elif choices.output == "name" and view is not None:
        _print(str(_at(body, view.name)))
    elif choices.output == "csv" and view is not None:
        _print_csv((*view.columns, *view.more), [body], with_head=True)
    elif shown.say and is_terminal():
        _print(shown.say)
    elif isinstance(body, dict):
        _print_each(member_lines(body))
    else:
        _print(dumps(body))


def _show_text(choices: Choices, shown: Text) -> None:
    if choices.output == "json":
        _print(dumps(shown.body))
    elif choices.output == "ndjson":
        _print(dumps(shown.body, indent=None))
    elif shown.label and choices.output == "table" and is_terminal():
        _print(f"{shown.label}: {shown.text}")
    else:
        _print(shown.text)


def member_lines(body: dict[str, Any]) -> list[str]:
    """An object's members, one a line."""
    pairs = [(name, _lines(value)) for name, value in _flat(body)]
    width = max((len(name) for name, _ in pairs), default=0) + 2
    lines = []
    for name, (first, *more) in pairs:
        lines.append(f"{name}:" if more else f"{name + ':':<{width}}{first}".rstrip())
        lines += [first, *more] if more else []
    return lines


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns, each as wide as its widest value; nothing is cut."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return [
        "  ".join(f"{value:<{width}}" for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _lines(value: Any) -> list[str]:
    """A value in one line, or as it is if it is a text of several, such as a certificate."""
    if isinstance(value, str) and "\n" in value:
        lines = value.splitlines()
        if all(line.isprintable() for line in lines):
            return lines
    return [cell(value)]


def _flat(body: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in body.items():
        if name == "credentials" and isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _headings(columns: Sequence[str]) -> list[str]:
    return [_heading(column).upper().replace("_", " ") for column in columns]


def _heading(column: str) -> str:
    name, given, path = column.partition("=")
    return name if given else path or column.rpartition(".")[2]


def _table(columns: Sequence[str], items: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [[cell(_at(item, column)) for column in columns] for item in items]


def _at(item: dict[str, Any], column: str) -> Any:
    value: Any = item
    for name in column.rpartition("=")[2].split("."):
        if isinstance(value, list) and name.isdecimal():
            value = dict(enumerate(value)).get(int(name))
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _print_csv(columns: Sequence[str], items: Sequence[dict[str, Any]], *, with_head: bool) -> None:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    if with_head:
        writer.writerow(_heading(column) for column in columns)
    for item in items:
        writer.writerow(_csv_value(_at(item, column)) for column in columns)
    sys.stdout.write(lines.getvalue())


def _csv_value(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value, indent=None)


def _print(text: str) -> None:
    click.echo(text)


def _print_each(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
