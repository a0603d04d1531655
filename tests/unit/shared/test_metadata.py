"""Metadata as clients send it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import InvalidInput
from shared.metadata import metadata_filter, metadata_object


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("given", "meant"),
    [(None, None), ({}, {}), ({"a": [1]}, {"a": [1]}), ("{}", {}), ('{"a":[1]}', {"a": [1]})],
)
def test_metadata_is_an_object_or_the_text_of_one(given: Any, meant: Any) -> None:
    assert metadata_object(given) == meant


@pytest.mark.parametrize(
    "given",
    ["", "text", "[1]", "null", '{"a":', "{\ud800}", '{"a":"\\u0000"}', {"\0": 1}, nested(100)],
)
def test_what_cannot_be_stored_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput):
        metadata_object(given)


@pytest.mark.parametrize(("text", "meant"), [("", None), ("{}", None), ('{"a":1}', {"a": 1})])
def test_an_empty_filter_restricts_nothing(text: str, meant: Any) -> None:
    assert metadata_filter(text) == meant
