"""The outermost middleware: request id, access log line, metrics, response headers."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import cache
from random import getrandbits
from typing import Any

from aiohttp import web

from shared.http.access_log import AccessLog
from shared.http.metrics import IN_PROGRESS, REQUESTS
from shared.http.operation import Handler
from shared.logging import REQUEST_ID, is_logged
from shared.timings import Timings
from shared.tracing import continue_trace, trace_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/health", "/ready", "/metrics"})


def observing(service: str, access_log: AccessLog) -> Any:
    """Make the middleware for one service."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"
        REQUEST_ID.set(request_id)
        continue_trace(request.headers.get("traceparent", ""))
        IN_PROGRESS.requests += 1
        started = time.perf_counter()
        status = 499  # the caller hung up
        try:
            response = await handler(request)
            status = response.status
            response.headers["X-Request-Id"] = request_id
            response.headers["Access-Control-Expose-Headers"] = "Location"
            return response
        finally:
            seconds = time.perf_counter() - started
            IN_PROGRESS.requests -= 1
            method, route = route_of(request)
            _timings(method, route, status).add(seconds)
            if route not in QUIET and is_logged("info"):
                line = {
                    "event": "request",
                    "service": service,
                    "timestamp": datetime.now(UTC),
                    "method": request.method,
                    "path": request.path,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 2),
                    "request_id": request_id,
                }
                if trace := trace_id():
                    line["trace_id"] = trace
                access_log.add(line)

    return observe


def route_of(request: web.Request) -> tuple[str, str]:
    """Method and path template: few enough to be labels, whatever callers send."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unmatched"
    return request.method if request.method in _METHODS else "OTHER", route


@cache
def _timings(method: str, route: str, status: int) -> Timings:
    return Timings(REQUESTS, method, route, str(status))
