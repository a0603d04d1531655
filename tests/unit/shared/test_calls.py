"""How a call to something a service leans on is counted."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest
from prometheus_client.registry import REGISTRY

from shared.calls import Calling
from shared.timings import Timings


class Broken(Exception):
    """What a dependency raises when it does not do its work."""


class Refused(Exception):
    """What it raises when it says no."""


def counted(outcome: str) -> float:
    Timings.hand_over()
    labels = {"dependency": "something", "outcome": outcome}
    return REGISTRY.get_sample_value("dependency_call_duration_seconds_count", labels) or 0.0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "ok"), (Refused, "refused"), (Broken, "failed"), (asyncio.CancelledError, "failed")],
)
def test_a_call_counts_by_how_it_ended(error: type[BaseException] | None, outcome: str) -> None:
    before = counted(outcome)

    with pytest.raises(error) if error else nullcontext(), Calling("something", Broken):
        if error is not None:
            raise error

    assert counted(outcome) == before + 1
