"""From a path to the place that a message is sent to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.messaging.subjects import (
    MAX_SUBTOPIC_BYTES,
    MalformedSubtopic,
    read_subtopic,
    subject_of,
    subjects_of,
)


@pytest.mark.parametrize(
    ("raw", "subtopic"),
    [
        ("", ""),
        ("/", ""),
        ("a", "a"),
        ("a/b/c", "a.b.c"),
        ("//a///b/", "a.b"),
        ("a.b/c", "a.b.c"),
        ("..a..b..", "a.b"),
        ("a%2Fb", "a.b"),
        ("%C3%A4/%F0%9F%8C%A1", "\u00e4.\U0001f321"),
        ("caf\u00e9", "caf\u00e9"),
        ("$dollar", "$dollar"),
        ("a" * MAX_SUBTOPIC_BYTES, "a" * MAX_SUBTOPIC_BYTES),
    ],
)
def test_a_subtopic_is_read(raw: str, subtopic: str) -> None:
    assert read_subtopic(raw) == subtopic


@pytest.mark.parametrize(
    "raw",
    [
        *("*", ">", "a/*", "a/>", "a*", "%2A", "%3E", "#", "%23", "%2B", "a/%2b/c"),
        *("a+b", "a%20b", "a%09b", "a%0Ab", "%0D%0A", "%00", "%7F", "%C2%A0"),
        *("%", "%z", "%zz", "a%2", "%C3", "%FF"),
        "a" * (MAX_SUBTOPIC_BYTES + 1),
    ],
)
def test_what_cannot_be_a_subtopic_is_refused(raw: str) -> None:
    with pytest.raises(MalformedSubtopic):
        read_subtopic(raw)


@settings(max_examples=25)
@given(st.text())
def test_nothing_that_is_read_breaks_a_subject(raw: str) -> None:
    try:
        subject = subject_of("c", read_subtopic(raw))
    except (MalformedSubtopic, UnicodeEncodeError):
        return

    assert re.fullmatch(r"channels\.c\.messages(\.[^\s.*>]+)*", subject)


def test_a_channel_has_two_subjects() -> None:
    assert subject_of("c") == "channels.c.messages"
    assert subjects_of("c") == ("channels.c.messages", "channels.c.messages.>")
