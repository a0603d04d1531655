"""A file is checked as a whole, and every complaint names row and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.bulk.rows import BadRows, Column, check_rows, read_rows

COLUMNS = (
    Column("id", required=True, unique=True),
    Column("key", required=True),
    Column("name"),
)


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "rows"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    "content",
    [
        "id,key,name\na,1,Anna\nb,2,\n",
        "\ufeffid;key;name\r\na;1;Anna\r\n\r\nb;2;\r\n",
        "key\tname\tid\n1\tAnna\ta\n2\t\tb\n",
        ' id , key , name \n"a", 1 ,"Anna"\nb,2,\n',
        '{"id": "a", "key": "1", "name": "Anna"}\n\n{"id": "b", "key": "2", "name": null}',
    ],
)
def test_one_table_in_many_forms(content: str, tmp_path: Path) -> None:
    file = write(tmp_path, content)

    assert check_rows(file, "rows", COLUMNS) == 2
    assert [row.values for row in read_rows(file, COLUMNS)] == [
        {"id": "a", "key": "1", "name": "Anna"},
        {"id": "b", "key": "2"},
    ]


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path: Path) -> None:
    file = write(tmp_path, 'id,key,name\na,1,"two\nlines"\n\nb,2,\n')

    assert [row.number for row in read_rows(file, COLUMNS)] == [2, 5]


def test_values_may_hold_anything(tmp_path: Path) -> None:
    file = write(tmp_path, 'id,key,name\n"B8:27/é, 1","a ""b""",日本\n')

    (row,) = read_rows(file, COLUMNS)
    assert row.values == {"id": "B8:27/é, 1", "key": 'a "b"', "name": "日本"}


@pytest.mark.parametrize(
    ("content", "complaints"),
    [
        ("", ["row 1: column id is missing", "row 1: column key is missing"]),
        ("id,key\n", ["it has no rows"]),
        ("id,colour\na,b\n", ["row 1, column colour: unknown; there are id, key, name"]),
        ("id,key,key\na,b,c\n", ["row 1, column key: twice"]),
        ("id,key\na,\n", ["row 2, column key: empty"]),
        ("id,key\na,1\nb,2\na,3\n", ["row 4, column id: a is in row 2 already"]),
        ("id,key\na,1,x\nb\n", ["row 2: 3 values for 2 columns", "row 3: 1 values for 2 columns"]),
        ("id,key\na,\0\n", ["row 2, column key: holds a NUL"]),
        (b"id,key\n\xff,1\n", ["it is not UTF-8"]),
        ('id,key\n"a"b,1\n', ["it is not CSV: ',' expected after '\"'"]),
        ('{"id": "a", "key": 1}\n', ["row 1, column key: not a text"]),
        ('{"id": "a", "key": "b", "x": ""}\n', ["row 1, column x: unknown"]),
        ('{"id": "a", "key": "1"}\n[]\n', ["row 2: not a JSON object"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    content: str | bytes, complaints: list[str], tmp_path: Path
) -> None:
    with pytest.raises(BadRows) as refused:
        check_rows(write(tmp_path, content), "rows", COLUMNS)

    assert refused.value.complaints[: len(complaints)] == complaints
    assert str(refused.value).startswith("rows is not in order; nothing was done\n  ")


def test_a_broken_line_does_not_hide_the_others(tmp_path: Path) -> None:
    with pytest.raises(BadRows) as refused:
        check_rows(write(tmp_path, '{"id":\n{"id": "a"}\n'), "rows", COLUMNS)

    assert [complaint.partition(":")[0] for complaint in refused.value.complaints] == [
        "row 1",
        "row 2, column key",
    ]


def test_hundreds_of_complaints_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path, "id,key\n" + "a,\n" * 100)

    with pytest.raises(BadRows) as refused:
        check_rows(file, "rows", COLUMNS)

    assert str(refused.value).endswith("\n  and 179 more")
