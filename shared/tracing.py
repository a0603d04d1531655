"""Where the work at hand stands in a trace, and its spans if somebody collects them.

The place is one text, that of W3C's `traceparent` header: it comes with requests and events and
leaves with both, also through a process that collects nothing. Spans are made, and OpenTelemetry is
imported, only where the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as _OtelSpan

TRACEPARENT: ContextVar[str] = ContextVar("traceparent", default="")

_SHAPE = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
_TIMEOUT_SECONDS = 3.0  # a collector that is down holds the end of the service up for as long


class Kind(Enum):
    """Whose side of a call a span shows."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """A piece of work in a trace."""

    def note(self, name: str, value: str | int) -> None:
        """Add an attribute; never a secret, nor anything a caller has sent."""

    def fail(self, reason: str) -> None:
        """Mark the work as failed."""


def continue_trace(traceparent: str) -> None:
    """Go on where a caller or an event stands; what is no `traceparent` counts as none."""
    TRACEPARENT.set(traceparent if traceparent and _SHAPE.fullmatch(traceparent) else "")


def trace_id() -> str:
    """The trace that the work at hand belongs to, empty without one."""
    return TRACEPARENT.get()[3:35]


def is_collecting() -> bool:
    """Whether spans are collected in this process."""
    return _Collector.present is not None


def span(
    name: str, kind: Kind, attributes: Mapping[str, str] | None = None
) -> AbstractContextManager[Span]:
    """A span below the present place, which the work inside then has for its place.

    SERVER and CONSUMER begin the work of a task: their place stays afterwards, for its log lines.
    """
    if _Collector.present is None:
        return nullcontext(_NOWHERE)
    return _Collector.present.span(name, kind, attributes)


@contextmanager
def collecting(service: str) -> Iterator[None]:
    """Send spans to the collector, if one is named, for as long as the context lasts."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    provider = _provider(service)
    _Collector.present = _Collector(provider)
    try:
        yield
    finally:
        _Collector.present = None
        provider.shutdown()


class _Collector:
    """Makes spans with OpenTelemetry; there is at most one in a process."""

    present: _Collector | None = None

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("supermq")
        self._propagator = TraceContextTextMapPropagator()
        self._nowhere = Context()
        self._in_context = set_span_in_context
        self._kinds = {kind: SpanKind[kind.value] for kind in Kind}

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Mapping[str, str] | None
    ) -> Iterator[_Recorded]:
        parent = self._propagator.extract({"traceparent": TRACEPARENT.get()}, self._nowhere)
        made = self._tracer.start_span(
            name, context=parent, kind=self._kinds[kind], attributes=attributes
        )
        place: dict[str, str] = {}
        self._propagator.inject(place, self._in_context(made, self._nowhere))
        before = TRACEPARENT.set(place.get("traceparent", ""))
        recorded = _Recorded(made)
        try:
            yield recorded
        except BaseException as error:
            recorded.fail(type(error).__name__)
            raise
        finally:
            made.end()
            if kind is Kind.CLIENT:
                TRACEPARENT.reset(before)


class _Recorded:
    """A span that is sent."""

    def __init__(self, made: _OtelSpan) -> None:
        self._made = made

    def note(self, name: str, value: str | int) -> None:
        self._made.set_attribute(name, value)

    def fail(self, reason: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._made.set_status(Status(StatusCode.ERROR, reason))


class _Nowhere:
    """A span that nobody collects."""

    def note(self, name: str, value: str | int) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


_NOWHERE = _Nowhere()


def _provider(service: str) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    is_patience_given = any(os.environ.get(name) for name in _TIMEOUTS)
    exporter = OTLPSpanExporter(timeout=None if is_patience_given else _TIMEOUT_SECONDS)
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say wins.
    name = os.environ.get("OTEL_SERVICE_NAME") or f"supermq-{service}"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
