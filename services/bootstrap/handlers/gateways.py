"""Fetching, by a gateway that knows its external id and key."""

from __future__ import annotations

import msgspec
from aiohttp import web

from services.bootstrap.handlers.bodies import device_body
from services.bootstrap.handlers.keys import GATEWAY_SERVICE
from shared.contracts.bootstrap import DeviceConfigBody
from shared.http.address import client_address
from shared.http.auth import device_key
from shared.http.body import path_tail
from shared.http.operation import Access, operation
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.get("/things/bootstrap/secure/{external_id:(?s:.+)}")
@operation(access=Access.DEVICE, errors=(400, 403, 404, 429))
async def fetch_config_securely(request: web.Request) -> web.Response:
    """Answer a gateway's config encrypted; the key in the header is encrypted too."""
    sealed_key = _presented_key(request)
    external_id = path_tail(request, "/things/bootstrap/secure/")
    service = request.app[GATEWAY_SERVICE]
    config = await service.fetch_sealed(external_id, sealed_key, client_address(request))
    answer = service.seal(msgspec.json.encode(device_body(config)))
    return web.Response(body=answer, content_type="application/json")


@routes.get("/things/bootstrap/{external_id:(?s:.+)}")
@operation(access=Access.DEVICE, answer=DeviceConfigBody, errors=(400, 403, 404, 429))
async def fetch_config(request: web.Request) -> web.Response:
    """Answer a gateway's config."""
    external_key = _presented_key(request)
    external_id = path_tail(request, "/things/bootstrap/")
    config = await request.app[GATEWAY_SERVICE].fetch(
        external_id, external_key, client_address(request)
    )
    return json_response(device_body(config))


def _presented_key(request: web.Request) -> bytes:
    """The key's bytes as they came; they need not be UTF-8."""
    return device_key(request).encode(errors="surrogateescape")
