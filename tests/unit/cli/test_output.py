"""The same facts as a table for people and as exact text for programs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from msgspec import Struct

from cli.choices import Choices
from cli.output import plain_table, printable, show
from cli.shown import Done, Item, Items, Part, Rows, Shown, Text
from cli.views import View

VIEW = View("things", ("id", "name", "identity=credentials.identity"), ("metadata",))
ONE = {"id": "1", "name": "a\tb", "credentials": {"identity": "x@y"}, "metadata": {"k": [1]}}
TWO = {"id": "22", "name": 'é, "q"', "metadata": {}}


class Page(Struct):
    total: int
    offset: int
    limit: int
    things: list[dict[str, Any]]


async def fetch(offset: int, limit: int) -> Page:
    return Page(2, offset, limit, [ONE, TWO][offset : offset + limit])


async def printed(
    capsys: pytest.CaptureFixture[str], shown: Shown, output: str = "table"
) -> tuple[str, str]:
    await show(Choices(output=output), shown)
    captured = capsys.readouterr()
    return captured.out, captured.err


async def test_a_table_is_plain_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = await printed(capsys, Items(VIEW, fetch))

    assert out == 'ID  NAME    IDENTITY\n1   a\\tb    x@y\n22  é, "q"\n'
    assert err == ""


async def test_a_part_of_a_list_is_not_taken_for_the_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, err = await printed(capsys, Items(VIEW, fetch, Part(limit=1)))

    assert err == "hint: 1 of 2; --offset 1 shows more, --all everything\n"


async def test_json_is_what_the_service_says(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = await printed(capsys, Items(VIEW, fetch, Part(offset=1, limit=1)), "json")

    assert json.loads(out) == {"total": 2, "offset": 1, "limit": 1, "things": [TWO]}
    assert err == ""


async def test_ndjson_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = await printed(capsys, Items(VIEW, fetch), "ndjson")

    assert [json.loads(line) for line in out.splitlines()] == [ONE, TWO]


async def test_csv_has_one_heading_and_can_be_read_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.shown.BIGGEST_PAGE", 1)

    out, _ = await printed(capsys, Items(VIEW, fetch, Part(everything=True)), "csv")

    assert list(csv.reader(io.StringIO(out))) == [
        ["id", "name", "identity", "metadata"],
        ["1", "a\tb", "x@y", '{"k": [1]}'],
        ["22", 'é, "q"', "", "{}"],
    ]


async def test_everything_is_more_than_a_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.shown.BIGGEST_PAGE", 1)

    out, _ = await printed(capsys, Items(VIEW, fetch, Part(everything=True)), "name")

    assert out == "1\n22\n"


@pytest.mark.parametrize(
    ("shown", "output", "text"),
    [
        (
            Item(ONE, VIEW),
            "table",
            'id:       1\nname:     a\\tb\nidentity: x@y\nmetadata: {"k": [1]}\n',
        ),
        (Item(ONE, VIEW), "name", "1\n"),
        (Item({"a": "x\ny\n", "bc": "1"}), "table", "a:\nx\ny\nbc: 1\n"),
        (Item({"a": "x\n\x1b"}), "table", "a: x\\n\\x1b\n"),
        (Item({"id": "1"}, VIEW), "ndjson", '{"id": "1"}\n'),
        (Item({"id": "1"}), "csv", "id: 1\n"),
        (Text("token", {"access_token": "token"}, label="created"), "table", "token\n"),
        (Text("token", {"access_token": "token"}), "ndjson", '{"access_token": "token"}\n'),
        (Done("deleted 1"), "table", ""),
        (Done("deleted 1"), "json", ""),
        (Rows(VIEW, []), "table", "ID  NAME  IDENTITY\n"),
        (Rows(VIEW, []), "json", '{\n  "things": []\n}\n'),
    ],
)
async def test_one_answer_in_each_form(
    shown: Shown, output: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = await printed(capsys, shown, output)

    assert out == text


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    assert printable("\x1b[2Jé\u202e\n") == "\\x1b[2Jé\\u202e\\n"


def test_columns_are_as_wide_as_their_widest_value() -> None:
    assert plain_table(["A", "B"], [["long", ""], ["", "x"]]) == ["A     B", "long", "      x"]
