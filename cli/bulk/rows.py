"""Rows of a CSV or NDJSON file, checked as a whole before anything is done.

Rows are numbered as an editor or a spreadsheet shows them: the heading of a CSV file is row 1.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.choices import CliError

_SHOWN_COMPLAINTS = 20
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Column:
    """A column that a job knows."""

    name: str
    required: bool = False
    unique: bool = False


@dataclass(frozen=True)
class Row:
    """One row: values by column, as text; what is empty is left out."""

    number: int
    values: dict[str, str]


class BadRows(CliError):
    """The file cannot be done as it is; every complaint names row and column."""

    def __init__(self, file: str, complaints: list[str]) -> None:
        shown = complaints[:_SHOWN_COMPLAINTS]
        if len(complaints) > len(shown):
            shown.append(f"and {len(complaints) - len(shown)} more")
        lines = "".join(f"\n  {complaint}" for complaint in shown)
        super().__init__(f"{file} is not in order; nothing was done{lines}")
        self.complaints = complaints


def check_rows(path: Path, file: str, columns: tuple[Column, ...]) -> int:
    """Read the whole file once; answers how many rows it has.

    Raises:
        BadRows: Naming every complaint.
    """
    complaints: list[str] = []
    seen: dict[str, dict[str, int]] = {column.name: {} for column in columns if column.unique}
    count = 0
    for row in _read(path, columns, complaints):
        count += 1
        for column in columns:
            value = row.values.get(column.name, "")
            if column.required and not value:
                complaints.append(f"row {row.number}, column {column.name}: empty")
            if "\0" in value:
                complaints.append(f"row {row.number}, column {column.name}: holds a NUL")
            if column.unique and value:
                first = seen[column.name].setdefault(value, row.number)
                if first != row.number:
                    complaints.append(
                        f"row {row.number}, column {column.name}: {value} is in row {first} already"
                    )
    if not count and not complaints:
        complaints.append("it has no rows")
    if complaints:
        raise BadRows(file, complaints)
    return count


def read_rows(path: Path, columns: tuple[Column, ...]) -> Iterator[Row]:
    """The rows of a file that was checked, one after the other."""
    return _read(path, columns, [])


def _read(path: Path, columns: tuple[Column, ...], complaints: list[str]) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            begin = lines.read(4096)
            lines.seek(0)
            if begin.lstrip().startswith("{"):
                yield from _read_ndjson(lines, columns, complaints)
            else:
                yield from _read_csv(lines, columns, complaints)
    except UnicodeDecodeError:
        complaints.append("it is not UTF-8")
    except csv.Error as error:
        complaints.append(f"it is not CSV: {error}")


def _read_csv(
    lines: Iterator[str], columns: tuple[Column, ...], complaints: list[str]
) -> Iterator[Row]:
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    head = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    complaints += _complain_of_head(head, columns)
    if not head or complaints:
        return
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 1
    for values in reader:
        # A quoted value may go over several lines; the row is where it begins.
        number, before = reader.line_num + 1, number
        row = before + 1
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(head):
            complaints.append(f"row {row}: {len(values)} values for {len(head)} columns")
            continue
        pairs = zip(head, (value.strip() for value in values), strict=True)
        yield Row(row, {name: value for name, value in pairs if value})


def _complain_of_head(head: list[str], columns: tuple[Column, ...]) -> list[str]:
    known = {column.name for column in columns}
    listed = ", ".join(column.name for column in columns)
    complaints = [
        f"row 1, column {name or number}: unknown; there are {listed}"
        for number, name in enumerate(head, start=1)
        if name not in known
    ]
    complaints += [f"row 1, column {name}: twice" for name in sorted(known) if head.count(name) > 1]
    complaints += [
        f"row 1: column {column.name} is missing"
        for column in columns
        if column.required and column.name not in head
    ]
    return complaints


def _read_ndjson(
    lines: Iterator[str], columns: tuple[Column, ...], complaints: list[str]
) -> Iterator[Row]:
    known = {column.name for column in columns}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            members = json.loads(line)
        except ValueError as error:
            complaints.append(f"row {number}: not JSON: {error}")
            continue
        if not isinstance(members, dict):
            complaints.append(f"row {number}: not a JSON object")
            continue
        wrong = [f"row {number}, column {name}: unknown" for name in members if name not in known]
        texts = {}
        for name, value in members.items():
            if isinstance(value, dict | list):
                texts[name] = json.dumps(value, ensure_ascii=False)
            elif isinstance(value, str) or value is None:
                texts[name] = value or ""
            else:
                wrong.append(f"row {number}, column {name}: not a text")
        complaints += wrong
        if not wrong:
            yield Row(number, {name: text for name, text in texts.items() if text})
