"""Times every call to something the service leans on, for metrics and traces."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType

from prometheus_client import Histogram

from shared import tracing
from shared.timings import BUCKETS, Timings

CALLS = Histogram(
    "dependency_call_duration_seconds",
    "Time a call to something the service leans on took, by how it ended: ok, refused or failed.",
    ["dependency", "outcome"],
    buckets=BUCKETS,
)


class Calling:
    """A context in which something is called; shows as a span if it happens inside a trace.

    Args:
        dependency: What is called: `postgresql`, `nats`, `redis`, or a service's name.
        failures: What it raises when the dependency does not do its work, running out of time
            included; everything else it raises is an answer, and counts as refused.
    """

    __slots__ = ("_dependency", "_failures", "_span", "_started")

    def __init__(self, dependency: str, *failures: type[BaseException]) -> None:
        self._dependency = dependency
        self._failures = failures
        self._span: AbstractContextManager[tracing.Span] | None = None

    def __enter__(self) -> None:
        if tracing.is_collecting() and tracing.TRACEPARENT.get():
            self._span = tracing.span(self._dependency, tracing.Kind.CLIENT)
            self._span.__enter__()
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        outcome = "ok"
        if error is not None:
            # A deadline ends a call by cancelling it.
            failed = isinstance(error, (*self._failures, asyncio.CancelledError))
            outcome = "failed" if failed else "refused"
        _timings(self._dependency, outcome).add(time.perf_counter() - self._started)
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)


@cache
def _timings(dependency: str, outcome: str) -> Timings:
    return Timings(CALLS, dependency, outcome)
