"""Each row becomes a script in which nothing is left to fill in."""

from __future__ import annotations

import re

import msgspec
import pytest

from bench.rows import ROWS, Row, script
from bench.seeding import World

WORLD = World(**{name: f"<{name}>" for name in World.__struct_fields__})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_everything_is_filled_in(row: Row) -> None:
    assert not re.search(r"\{[a-z_]+\}|%\(", script(row, WORLD, "run"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_its_ceiling_is_measured(row: Row) -> None:
    assert row.ceiling in {"", "bcrypt", "pgbench", *(other.name for other in ROWS)}


def test_callers_pause_only_where_they_should() -> None:
    row = ROWS[0]

    assert "delay" not in script(row, WORLD, "run")
    paused = msgspec.structs.replace(row, pause_milliseconds=7)
    assert "function delay()\n  return 7\nend" in script(paused, WORLD, "run")


def test_what_only_reads_comes_before_what_fills_the_database() -> None:
    names = [row.name for row in ROWS]

    assert max(names.index("things-list"), names.index("mappings-list")) < names.index("mapping")
