"""Tables on a terminal: colours, and columns that fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "enabled": "green",
    "active": "green",
    "pass": "green",
    "disabled": "yellow",
    "undone": "yellow",
    "deleted": "yellow",
    "running": "cyan",
    "undoing": "cyan",
    "broken": "red",
    "stuck": "red",
    "unreachable": "red",
}
_UUID_WIDTH = 36
_GAP = 2
_NARROWEST = 4
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def short(value: str) -> str:
    """A time without what nobody reads; anything else as it is."""
    time = _TIME.fullmatch(value)
    return f"{time[1]} {time[2]}" if time else value


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows; ids are never cut, so that they can be copied."""
    console = Console(highlight=False)
    cells = [[short(value) for value in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for heading, width in zip(headings, fit(headings, cells, console.width), strict=True):
        table.add_column(heading, no_wrap=True, width=width, overflow="ellipsis")
    for row in cells:
        table.add_row(*(Text(value, style=_COLOURS.get(value, "")) for value in row))
    console.print(table)


def fit(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column may be: what is too much is taken from the widest that holds no ids."""
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    may_shrink = [any(len(value) != _UUID_WIDTH for value in column[1:]) for column in columns]
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        widest = max(
            (index for index, may in enumerate(may_shrink) if may),
            key=lambda index: widths[index],
            default=None,
        )
        if widest is None or widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths
