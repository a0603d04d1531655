"""Adding configs, and changes that reach the connections of their things."""

from __future__ import annotations

from aiohttp import web

from services.bootstrap.handlers.bodies import channel_ids_from, draft_from
from services.bootstrap.handlers.keys import ADDING_SERVICE, CHANGE_SERVICE
from shared.contracts.bootstrap import AddConfigBody, SetStateBody, UpdateConnectionsBody
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json
from shared.http.operation import operation
from shared.http.responses import no_content

routes = web.RouteTableDef()


@routes.post("/things/configs")
@operation(scope="bootstrap:write", body=AddConfigBody, status=201, errors=(403, 404, 409))
async def add_config(request: web.Request) -> web.Response:
    """Add an inactive config for a thing, or for a new one."""
    body = await read_json(request, AddConfigBody)
    thing_id = await request.app[ADDING_SERVICE].add(request[CALLER], draft_from(body))
    return web.Response(
        status=201,
        headers={"Location": f"/things/configs/{thing_id}"},
        content_type="application/json",
    )


@routes.put("/things/state/{thing_id}")
@operation(scope="bootstrap:write", body=SetStateBody, errors=(404,))
async def update_state(request: web.Request) -> web.Response:
    """Connect the thing to all channels of its config, or disconnect it from them."""
    thing_id = path_uuid(request, "thing_id")
    body = await read_json(request, SetStateBody)
    await request.app[CHANGE_SERVICE].update_state(request[CALLER], thing_id, body.state)
    return web.Response(content_type="application/json")


@routes.put("/things/configs/connections/{thing_id}")
@operation(scope="bootstrap:write", body=UpdateConnectionsBody, errors=(404,))
async def update_connections(request: web.Request) -> web.Response:
    """Replace the channels of a config."""
    thing_id = path_uuid(request, "thing_id")
    body = await read_json(request, UpdateConnectionsBody)
    channel_ids = channel_ids_from(body.channels)
    await request.app[CHANGE_SERVICE].update_channels(request[CALLER], thing_id, channel_ids)
    return web.Response(content_type="application/json")


@routes.delete("/things/configs/{thing_id}")
@operation(scope="bootstrap:write", status=204, errors=(404,))
async def remove_config(request: web.Request) -> web.Response:
    """Remove the config of a thing, which is disconnected first if the config is active."""
    thing_id = path_uuid(request, "thing_id")
    await request.app[CHANGE_SERVICE].remove(request[CALLER], thing_id)
    return no_content()
