"""`/mappings`: what became of gateways that were set up."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from services.provision.domain import MappingStatus, RecordFilter
from services.provision.handlers.answers import record_body
from services.provision.handlers.keys import RECORD_SERVICE
from shared.contracts.provision import (
    MappingRecordBody,
    MappingsPage,
    MappingsQuery,
    UnmapQuery,
)
from shared.errors import InvalidInput
from shared.http.auth import CALLER
from shared.http.body import path_tail, read_query
from shared.http.operation import operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()

_PREFIX = "/mappings/"
_RETRY = "/retry"


@routes.get("/mappings")
@operation(scope="provision:read", query=MappingsQuery, answer=MappingsPage)
async def list_mappings(request: web.Request) -> web.Response:
    """List the caller's mappings, oldest first."""
    query = read_query(request, MappingsQuery)
    wanted = RecordFilter(
        status=MappingStatus(query.status) if query.status else None,
        external_id=query.external_id or None,
        since=_moment(query.since),
    )
    total, records = await request.app[RECORD_SERVICE].list_page(request[CALLER], wanted, query)
    return json_response(
        MappingsPage(
            total=total,
            offset=query.offset,
            limit=query.limit,
            mappings=[record_body(record, steps=False) for record in records],
        )
    )


@routes.get("/mappings/{external_id:.+}")
@operation(scope="provision:read", answer=MappingRecordBody, errors=(404,))
async def show_mapping(request: web.Request) -> web.Response:
    """Show the newest mapping of a gateway, with the steps it took."""
    external_id = path_tail(request, _PREFIX)
    record = await request.app[RECORD_SERVICE].get(request[CALLER], external_id)
    return json_response(record_body(record, steps=True))


@routes.delete("/mappings/{external_id:.+}")
@operation(scope="provision:write", query=UnmapQuery, status=204, errors=(404, 409))
async def delete_mapping(request: web.Request) -> web.Response:
    """Remove everything a mapping made."""
    query = read_query(request, UnmapQuery)
    await request.app[RECORD_SERVICE].delete(
        request[CALLER],
        path_tail(request, _PREFIX),
        force=query.force,
        keep_channels=query.keep == "channels",
    )
    return no_content()


@routes.post("/mappings/{external_id:.+}/retry")
@operation(scope="provision:write", answer=MappingRecordBody, errors=(404, 409))
async def retry_mapping(request: web.Request) -> web.Response:
    """Try now to clear a stuck or broken mapping away."""
    external_id = path_tail(request, _PREFIX).removesuffix(_RETRY)
    record = await request.app[RECORD_SERVICE].retry(request[CALLER], external_id)
    return json_response(record_body(record, steps=True))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise InvalidInput("since is not an RFC 3339 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
