"""Where things stand in a text."""

from __future__ import annotations

import pytest

from services.provision.layout.positions import START, Position, Positions

TEXT = """\
top.dotted = 1
[things."a b"]
k = "é" # a comment
[[list]]
name = 'x'
inline = { a = 1, "b" = [1, { q = 2 }] }
[list.table]
"é" = "x"
[[list]]
many = [
  1,
  # nothing
  2]
[[list.inner]]
z = 1
[[list.inner]]
z = 2
[later.first]
[later]
"""


def test_keys_and_values_of_every_kind_are_found() -> None:
    positions = Positions(TEXT)

    assert positions.of_key("top", "dotted") == Position(1, 1)
    assert positions.of_value("top", "dotted") == Position(1, 14)
    assert positions.of_value("things", "a b", "k") == Position(3, 5)
    assert positions.of_value("list", 0, "inline", "b", 1, "q") == Position(6, 35)
    assert positions.of_key("list", 0, "table") == Position(7, 1)
    assert positions.of_value("list", 0, "table", "é") == Position(8, 7)
    assert positions.of_key("list", 1) == Position(9, 1)
    assert positions.of_value("list", 1, "many", 1) == Position(13, 3)
    assert positions.of_value("list", 1, "inner", 1, "z") == Position(17, 5)
    assert positions.of_key("later") == Position(19, 1)


def test_columns_count_characters() -> None:
    assert Positions('a = ["é", "网", 3]').of_value("a", 2) == Position(1, 16)


def test_what_is_missing_is_where_its_table_is() -> None:
    positions = Positions(TEXT)

    assert positions.of_value("list", 1, "name") == Position(9, 1)
    assert positions.of_value("nowhere", "at", "all") == START


def test_toml_that_is_newer_than_the_grammar_is_located_as_far_as_it_goes() -> None:
    positions = Positions("a = {\n  x = 1,\n  y = 2,\n}\n[b]\nc = 1\n")

    assert positions.of_value("a", "y") == Position(3, 7)
    assert positions.of_value("b", "c") == Position(6, 5)


@pytest.mark.parametrize(
    "text",
    ['"\\e" = 1', '["\\x41"]\nb = 1', 'a = {"\\e".b = [1,\n{c = 1,}]}', "a = [{\n}]\n[[b.c]]"],
)
def test_keys_that_are_newer_than_the_grammar_do_no_harm(text: str) -> None:
    assert Positions(text).of_value("z") == START
