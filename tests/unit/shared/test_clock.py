"""Times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.clock import parse_timestamp, timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 21, 19, 9, 32, 656920, UTC), "2026-11-21T19:09:32.65692Z"),
        (datetime(2026, 11, 21, 19, 9, 30, tzinfo=UTC), "2026-11-21T19:09:30Z"),
        (
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "2025-12-31T23:00:00Z",
        ),
    ],
)
def test_is_utc_without_trailing_zeros(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text
    assert parse_timestamp(text) == moment
