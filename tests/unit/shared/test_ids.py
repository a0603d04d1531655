"""Ids of what is made here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from shared.ids import new_id, new_secret


def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000

    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= after
    assert datetime.fromtimestamp((made.int >> 80) / 1000, UTC).year >= 2026


def test_ids_are_in_the_order_in_which_they_are_made_but_for_those_of_a_millisecond() -> None:
    milliseconds = [new_id().int >> 80 for _ in range(10_000)]

    assert milliseconds == sorted(milliseconds)
    assert len(set(milliseconds)) > 1


def test_no_two_are_alike() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_a_secret_is_random_throughout() -> None:
    secrets = [UUID(new_secret()) for _ in range(1_000)]

    assert {secret.version for secret in secrets} == {4}
    assert len({secret.int >> 80 for secret in secrets}) == 1_000
