"""The span of a request, in processes that collect spans."""

from __future__ import annotations

from aiohttp import web

from shared.http.observe import QUIET, route_of
from shared.http.operation import Handler, operation_of
from shared.logging import REQUEST_ID
from shared.tracing import TRACEPARENT, Kind, span


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put a request into its caller's trace, or begin one.

    What services ask each other by themselves all the time begins none.
    """
    method, route = route_of(request)
    if not TRACEPARENT.get() and (route in QUIET or operation_of(request).is_internal):
        return await handler(request)
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "supermq.request_id": REQUEST_ID.get(),
    }
    with span(f"{method} {route}", Kind.SERVER, attributes) as work:
        response = await handler(request)
        work.note("http.response.status_code", response.status)
        if response.status >= 500:
            work.fail(str(response.status))
        return response
