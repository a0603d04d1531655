"""Configs of mappings, for provision."""

from __future__ import annotations

from aiohttp import web

from services.bootstrap.handlers.bodies import config_from
from services.bootstrap.handlers.keys import SET_SERVICE
from shared.contracts.bootstrap import SetConfigBody
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json
from shared.http.operation import Access, operation
from shared.http.responses import no_content

routes = web.RouteTableDef()


@routes.put("/internal/configs/{mapping_id}")
@operation(access=Access.SERVICE, body=SetConfigBody, status=201, errors=(403, 404, 409))
async def apply_config(request: web.Request) -> web.Response:
    """Make a mapping's config; 200 if it was made before."""
    mapping_id = path_uuid(request, "mapping_id")
    body = await read_json(request, SetConfigBody)
    caller = request[CALLER]
    is_new = await request.app[SET_SERVICE].apply(
        caller, mapping_id, config_from(body, caller.user_id)
    )
    return web.Response(status=201 if is_new else 200)


@routes.delete("/internal/configs/{mapping_id}")
@operation(access=Access.SERVICE, status=204, errors=(403, 404))
async def withdraw_config(request: web.Request) -> web.Response:
    """Remove a mapping's config and keep it from appearing later."""
    mapping_id = path_uuid(request, "mapping_id")
    await request.app[SET_SERVICE].withdraw(request[CALLER], mapping_id)
    return no_content()
