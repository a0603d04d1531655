"""`${...}` in texts."""

from __future__ import annotations

import pytest

from services.provision.template import references, render


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("${a}", "1"),
        ("x${a}y${b c}z", "x1y2z"),
        ("$a {a} $", "$a {a} $"),
        ("$${a}", "${a}"),
        ("$$${a}", "$${a}"),
        ("$${${a}", "${1"),
    ],
)
def test_names_are_filled_in_and_nothing_else(text: str, rendered: str) -> None:
    assert render(text, {"a": "1", "b c": "2"}) == rendered


def test_what_was_filled_in_is_not_looked_at_again() -> None:
    assert render("${a}", {"a": "${b}", "b": "never"}) == "${b}"


def test_every_text_of_a_value_is_filled_in_and_keys_stay() -> None:
    value = {"${a}": ["${a}", {"k": "${a}"}], "n": 1, "t": True}

    assert render(value, {"a": "1"}) == {"${a}": ["1", {"k": "1"}], "n": 1, "t": True}


def test_references_are_told_apart_from_text_and_from_slips() -> None:
    assert list(references("${a} $${b} ${} ${c")) == ["a", "", None]
