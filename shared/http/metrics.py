"""Counts and times per route for Prometheus, over all worker processes."""

from __future__ import annotations

import os

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

from shared.http.operation import Access, operation
from shared.timings import BUCKETS, Timings

REQUESTS = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte read to the answer, by route.",
    ["method", "route", "status"],
    buckets=BUCKETS,
)


class _InProgress:
    """Requests that this process is at; a plain number, because each of them touches it."""

    requests = 0


IN_PROGRESS = _InProgress()


@operation(access=Access.INTERNAL)
async def show_metrics(request: web.Request) -> web.Response:
    """Metrics in Prometheus' text format."""
    Timings.hand_over()
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return web.Response(
        body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
