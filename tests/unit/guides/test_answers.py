"""Answers are compared with their samples, and every kind of difference is found."""

import json
from typing import Any

import pytest

from tests.e2e.answers import Meanings, compare, parse_json
from tests.e2e.guides import Expected

ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"
OTHER_ID = "71db4bb0-591e-4f76-b766-b39ced9fc6b8"
REAL_ID = "11111111-2222-4333-8444-555555555555"
OTHER_REAL_ID = "66666666-7777-4888-9999-aaaaaaaaaaaa"
TIME = "2026-11-21T09:06:50.460258Z"
LATER = "2026-11-21T09:07:00Z"
REAL_TIME = "2027-01-02T03:04:05.67Z"
TOKEN = "eyJhbGci…dQ"
REAL_TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def shown(body: Any, *, partial: bool = False) -> Expected:
    return Expected(1, None, (), body if isinstance(body, str) else json.dumps(body), partial)


def test_printed_lines_are_compared_without_their_blanks() -> None:
    expected = Expected(1, None, (), f"ID    NAME\n{ID}  a\n", False, is_text=True)

    assert compare(expected, f"ID NAME\n{REAL_ID}       a\n", Meanings()) == []
    assert compare(expected, f"ID NAME\n{REAL_ID} b\n", Meanings()) != []
    assert compare(expected, "ID NAME\n", Meanings()) == ["expected 2 lines, got 1: ID NAME\n"]


def shown_whole(*lines: str, body: str = "") -> Expected:
    headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
    return Expected(1, "HTTP/1.1 200 OK", headers, body, False)


def printed(*lines: str, body: str = "", status: str = "HTTP/1.1 200 OK") -> str:
    return "\r\n".join([status, *lines, "", body])


def differences(sample: Any, answer: Any, *, partial: bool = False) -> list[str]:
    return compare(shown(sample, partial=partial), json.dumps(answer), Meanings())


@pytest.mark.parametrize(
    ("sample", "answer"),
    [
        ({}, {}),
        ({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"id": ID}, {"id": REAL_ID}),
        ({"id": ID, "copy": ID}, {"id": REAL_ID, "copy": REAL_ID}),
        ({ID: True}, {REAL_ID: True}),
        ({"id": ID, "done": {ID: True}}, {"id": REAL_ID, "done": {REAL_ID: True}}),
        ({"path": f"/things/{ID}"}, {"path": f"/things/{REAL_ID}"}),
        ({"at": TIME}, {"at": REAL_TIME}),
        ({"at": TIME}, {"at": "2027-01-02T03:04:05Z"}),
        ({"at": TIME}, {"at": "2027-01-02T03:04:05.123456789Z"}),
        ({"token": TOKEN}, {"token": REAL_TOKEN}),
        ({"token": f"Bearer {TOKEN}"}, {"token": f"Bearer {REAL_TOKEN}"}),
        ({"text": "{…}"}, {"text": '{"a":\n1}'}),
        ({"text": "…"}, {"text": "anything"}),
    ],
)
def test_an_answer_as_shown_has_no_differences(sample: Any, answer: Any) -> None:
    assert differences(sample, answer) == []


@pytest.mark.parametrize(
    ("sample", "answer", "difference"),
    [
        ({"a": 1}, {}, "$.a is missing"),
        ({}, {"a": 1}, "$ has members that are not shown"),
        ({"a": {}}, {"a": {"b": 1}}, "$.a has members that are not shown"),
        ([{}], [{"b": 1}], "$[0] has members that are not shown"),
        ({"a": 1}, {"a": 2}, "$.a: expected 1, got 2"),
        ({"a": 1}, {"a": "1"}, '$.a: expected 1, got "1"'),
        ({"a": 1}, {"a": True}, "$.a: expected 1, got true"),
        ({"a": 1}, {"a": 1.0}, "$.a: expected 1, got 1.0"),
        ({"a": "x"}, {"a": "y"}, "$.a: expected 'x', got 'y'"),
        ({"a": "x"}, {"a": "xx"}, "$.a: expected 'x', got 'xx'"),
        ({"a": None}, {"a": {}}, "$.a: expected null, got {}"),
        ({"a": {}}, {"a": None}, "$.a: expected {}, got null"),
        ([], {}, "$: expected [], got {}"),
        ([1], [], "$: expected 1 items, got 0"),
        ([1], [1, 1], "$: expected 1 items, got 2"),
        ([1, 2], [1, 3], "$[1]: expected 2, got 3"),
        ({"id": ID}, {"id": "1"}, "$.id: expected"),
        ({"id": ID}, {"id": REAL_ID.upper().replace("5", "F")}, "$.id: expected"),
        ({"id": ID}, {"id": ""}, "$.id: expected"),
        ({"id": ID}, {"id": f"/{REAL_ID}"}, "$.id: expected"),
        ({"id": "gateway"}, {"id": REAL_ID}, "$.id: expected"),
        ({ID: True}, {REAL_ID: False}, "expected true, got false"),
        ({"path": f"/things/{ID}"}, {"path": f"/channels/{REAL_ID}"}, "$.path: expected"),
        ({"at": TIME}, {"at": "0001-01-01T00:00:00Z"}, "$.at: expected"),
        ({"at": TIME}, {"at": "2027-01-02T03:04:05.670Z"}, "$.at: expected"),
        ({"at": TIME}, {"at": "2027-01-02T03:04:05+00:00"}, "$.at: expected"),
        ({"at": TIME}, {"at": "2027-01-02 03:04:05Z"}, "$.at: expected"),
        ({"at": TIME}, {"at": "2027-01-02T03:04:05.1234567891Z"}, "$.at: expected"),
        ({"at": TIME}, {"at": 1798858800}, "$.at: expected"),
        ({"token": TOKEN}, {"token": "eyJhbGci"}, "$.token: expected"),
        ({"token": TOKEN}, {"token": ""}, "$.token: expected"),
        ({"token": TOKEN}, {"token": REAL_ID}, "$.token: expected"),
        ({"text": "{…}"}, {"text": "{}"}, "$.text: expected"),
        ({"text": "{…}"}, {"text": "[1]"}, "$.text: expected"),
    ],
)
def test_each_kind_of_difference_is_found(sample: Any, answer: Any, difference: str) -> None:
    found = differences(sample, answer)

    assert len(found) == 1
    assert difference in found[0]


def test_another_name_is_one_member_missing_and_one_too_many() -> None:
    assert len(differences({"a": 1}, {"b": 1})) == 2
    assert len(differences({ID: True}, {"name": True})) == 2


@pytest.mark.parametrize(
    ("sample", "answer"),
    [
        ({}, {"more": 1}),
        ({"a": {}}, {"a": {"more": 1}}),
        ([{}], [{"more": 1}]),
    ],
)
def test_a_partial_sample_allows_more_members_at_any_depth(sample: Any, answer: Any) -> None:
    assert differences(sample, answer, partial=True) == []


@pytest.mark.parametrize(
    ("sample", "answer"),
    [({"a": 1}, {}), ({"a": 1}, {"a": 2, "b": 1}), ([1], [1, 2])],
)
def test_a_partial_sample_allows_nothing_else(sample: Any, answer: Any) -> None:
    assert len(differences(sample, answer, partial=True)) == 1


@pytest.mark.parametrize(
    ("sample", "answer"),
    [
        ({"id": ID, "copy": ID}, {"id": REAL_ID, "copy": OTHER_REAL_ID}),
        ({"at": TIME, "copy": TIME}, {"at": REAL_TIME, "copy": "2027-01-02T03:04:06Z"}),
        ({"a": TOKEN, "b": TOKEN}, {"a": REAL_TOKEN, "b": f"{REAL_TOKEN}x"}),
    ],
)
def test_one_sample_value_cannot_stand_for_two_real_ones(sample: Any, answer: Any) -> None:
    found = differences(sample, answer)

    assert len(found) == 1
    assert "stood for" in found[0]


@pytest.mark.parametrize(
    ("sample", "answer"),
    [
        ({"id": ID, "owner": OTHER_ID}, {"id": REAL_ID, "owner": REAL_ID}),
        ({"a": TOKEN, "b": "eyJhbGci…7A"}, {"a": REAL_TOKEN, "b": REAL_TOKEN}),
    ],
)
def test_two_sample_ids_or_tokens_cannot_stand_for_one_real_one(sample: Any, answer: Any) -> None:
    found = differences(sample, answer)

    assert len(found) == 1
    assert "are different" in found[0]


def test_sample_values_keep_their_meaning_from_one_answer_to_the_next() -> None:
    meanings = Meanings()
    assert compare(shown({"id": ID}), json.dumps({"id": REAL_ID}), meanings) == []

    assert compare(shown({"id": ID}), json.dumps({"id": REAL_ID}), meanings) == []
    assert compare(shown({"id": ID}), json.dumps({"id": OTHER_REAL_ID}), meanings) != []
    assert compare(shown({ID: 1}), json.dumps({OTHER_REAL_ID: 1}), meanings) != []
    assert compare(shown({"id": OTHER_ID}), json.dumps({"id": REAL_ID}), meanings) != []


def test_known_names_of_members_are_not_mixed_up() -> None:
    sample = {"first": ID, "second": OTHER_ID, "states": {OTHER_ID: 2, ID: 1}}
    answer = {
        "first": REAL_ID,
        "second": OTHER_REAL_ID,
        "states": {REAL_ID: 1, OTHER_REAL_ID: 2},
    }

    assert differences(sample, answer) == []


def test_different_times_of_one_object_have_to_differ() -> None:
    sample = {"created_at": TIME, "updated_at": LATER}

    assert len(differences(sample, {"created_at": REAL_TIME, "updated_at": REAL_TIME})) == 1


def test_different_times_of_different_objects_may_be_the_same() -> None:
    assert differences([{"at": TIME}, {"at": LATER}], [{"at": REAL_TIME}, {"at": REAL_TIME}]) == []


def test_headers_are_found_whatever_their_case_and_others_are_allowed() -> None:
    sample = shown_whole("Content-Type: application/json", f"Location: /things/{ID}", body="{}")
    answer = printed(
        "server: x", "content-type: application/json", f"LOCATION: /things/{REAL_ID}", body="{}\n"
    )

    assert compare(sample, answer, Meanings()) == []


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        (printed("Location: /things/1", status="HTTP/1.1 201 Created"), "status: expected"),
        (printed(), "header Location is missing"),
        (printed("Location: /things/2"), "header Location: expected '/things/1'"),
        (printed("Location: /things/1", "Location: /things/1"), "header Location: expected"),
        (printed("Location: /things/1", body="{}"), "body: expected none"),
        ("", "no answer"),
        ("curl: (7) Failed to connect", "no answer"),
        ("HTTP/1.1 200 OK\r\n", "no answer"),
    ],
)
def test_differences_around_the_body_are_found(answer: str, difference: str) -> None:
    found = compare(shown_whole("Location: /things/1"), answer, Meanings())

    assert len(found) == 1
    assert difference in found[0]


@pytest.mark.parametrize("body", ["", "{", "{} {}", '{"a": 1, "a": 1}', "<html>"])
def test_a_body_that_is_not_json_is_a_difference(body: str) -> None:
    found = compare(shown_whole(body="{}"), printed(body=body), Meanings())

    assert len(found) == 1
    assert found[0].startswith("body:")


def test_members_named_twice_are_refused_at_any_depth() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_json('[{"a": {"b": 1, "b": 1}}]')
