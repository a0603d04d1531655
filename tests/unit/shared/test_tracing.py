"""The place in a trace, and what it costs where nobody collects."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.tracing import TRACEPARENT, Kind, continue_trace, is_collecting, span, trace_id

PLACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_place_that_a_caller_names_is_gone_on_from() -> None:
    continue_trace(PLACE)

    assert TRACEPARENT.get() == PLACE
    assert trace_id() == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        PLACE[:-1],
        PLACE.upper(),
        f"{PLACE}\n",
        f"ff{PLACE[2:]}",
        PLACE.replace("-", "_"),
    ],
)
def test_what_is_no_place_counts_as_none(text: str) -> None:
    continue_trace(PLACE)

    continue_trace(text)

    assert (TRACEPARENT.get(), trace_id()) == ("", "")


def test_without_a_collector_a_span_changes_nothing() -> None:
    continue_trace(PLACE)

    with span("work", Kind.SERVER) as work:
        work.note("name", "value")
        work.fail("reason")
        assert TRACEPARENT.get() == PLACE

    assert not is_collecting()


@pytest.mark.parametrize("extra", ["opentelemetry", "rich", "alembic", "sqlalchemy", "jinja2"])
def test_a_service_imports_only_what_it_needs_to_serve(imported: set[str], extra: str) -> None:
    assert extra not in imported


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """What a fresh process has imported when it could begin to serve."""
    program = "import sys, services.things.__main__; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())
