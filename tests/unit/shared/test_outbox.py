"""The statement that changes and announces."""

from __future__ import annotations

import pytest

from shared.postgres.outbox import announced


def test_the_events_parameters_follow_the_statements_own() -> None:
    statement = announced("WITH changed AS (DELETE FROM t WHERE a = $1){announcing} SELECT 1", 1)

    assert "$2::uuid, $3::text, $4::bytea" in statement
    assert "WHERE EXISTS (SELECT FROM changed)" in statement


def test_a_statement_that_does_not_say_where_its_event_goes_is_refused() -> None:
    with pytest.raises(ValueError, match="where its event goes"):
        announced("DELETE FROM t", 0)
