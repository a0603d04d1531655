"""A stand-in for an OpenTelemetry collector: keeps what is sent to it by OTLP over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, slots=True)
class Seen:
    """A span, and the service it came from."""

    service: str
    name: str
    kind: str
    id: bytes
    parent: bytes


@dataclass(slots=True)
class Collector:
    """What has been sent so far."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self, trace_id: str) -> list[Seen]:
        """The spans of a trace."""
        return [
            Seen(
                service=next(
                    pair.value.string_value
                    for pair in resource.resource.attributes
                    if pair.key == "service.name"
                ),
                name=span.name,
                kind=Span.SpanKind.Name(span.kind),
                id=span.span_id,
                parent=span.parent_span_id,
            )
            for body in list(self.bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id.hex() == trace_id
        ]


@contextlib.contextmanager
def running_collector() -> Iterator[Collector]:
    """Listen on a free port for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.bodies.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    listening = threading.Thread(target=server.serve_forever)
    listening.start()
    try:
        yield collector
    finally:
        server.shutdown()
        listening.join()
        server.server_close()
