"""`/mapping`: set a gateway up."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.provision.domain import Gateway
from services.provision.handlers.answers import plan_body
from services.provision.handlers.keys import LAYOUTS, MAPPING_SERVICE
from shared.contracts.provision import MappingAnswerBody, MappingBody, MapQuery
from shared.http.auth import CALLER
from shared.http.body import read_json, read_query
from shared.http.operation import Access, operation
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.post("/mapping")
@operation(
    access=Access.OPTIONAL_USER,
    scope="provision:write",
    body=MappingBody,
    query=MapQuery,
    answer=MappingAnswerBody,
    status=201,
    errors=(401, 403, 409, 503),
)
async def map_gateway(request: web.Request) -> web.Response:
    """Set up a gateway by a layout, exactly once or not at all."""
    query = read_query(request, MapQuery)
    body = await read_json(request, MappingBody)
    service = request.app[MAPPING_SERVICE]
    layout = request.app[LAYOUTS].get(body.layout)
    gateway = Gateway(external_id=body.external_id, external_key=body.external_key, name=body.name)
    if query.dry_run:
        preview = await service.preview(layout, gateway, request.get(CALLER))
        return json_response(plan_body(preview.plan, is_replay=preview.is_replay))
    mapped = await service.map_gateway(layout, gateway, request.get(CALLER))
    headers = {"Idempotent-Replay": "true"} if mapped.is_replay else {}
    return json_response(mapped.answer, status=201, headers=headers)


@routes.get("/mapping")
@operation(scope="provision:read", answer=dict[str, Any])
async def show_content(request: web.Request) -> web.Response:
    """The content that gateways of the default layout will find in their config."""
    return json_response(request.app[LAYOUTS].get("").content or {})
