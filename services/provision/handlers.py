"""HTTP in and out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.provision.domain import Gateway
from services.provision.service import ProvisionService
from shared.contracts.provision import MappingAnswerBody, MappingBody
from shared.http.auth import CALLER
from shared.http.body import read_json
from shared.http.operation import Access, operation
from shared.http.responses import json_response

PROVISION_SERVICE = web.AppKey("provision_service", ProvisionService)

routes = web.RouteTableDef()


@routes.post("/mapping")
@operation(
    access=Access.OPTIONAL_USER,
    body=MappingBody,
    answer=MappingAnswerBody,
    status=201,
    errors=(401, 403, 409, 503),
)
async def map_gateway(request: web.Request) -> web.Response:
    """Set up a gateway by the layout, exactly once or not at all."""
    body = await read_json(request, MappingBody)
    mapped = await request.app[PROVISION_SERVICE].map_gateway(
        Gateway(external_id=body.external_id, external_key=body.external_key, name=body.name),
        request.get(CALLER),
    )
    headers = {"Idempotent-Replay": "true"} if mapped.is_replay else {}
    return json_response(mapped.answer, status=201, headers=headers)


@routes.get("/mapping")
@operation(answer=dict[str, Any])
async def show_content(request: web.Request) -> web.Response:
    """The content that gateways of the layout will find in their config."""
    return json_response(request.app[PROVISION_SERVICE].content())
