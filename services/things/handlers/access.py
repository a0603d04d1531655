"""May a thing talk in a channel? Asked by the messaging adapters, not from outside."""

from __future__ import annotations

from aiohttp import web

from services.things.handlers.keys import ACCESS_SERVICE
from services.things.handlers.reading import require_thing_type
from shared.contracts.things import (
    AccessBody,
    AccessByIdBody,
    DeviceBody,
    DeviceChannelBody,
    DeviceKeyBody,
    GrantedAccessBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json
from shared.http.operation import Access, operation
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.post("/channels/{channel_id}/access")
@operation(access=Access.INTERNAL, body=AccessBody, answer=GrantedAccessBody, errors=(403,))
async def check_access(request: web.Request) -> web.Response:
    """Tell which thing has a key, if it may do this; the key is all the proof that is needed."""
    body = await read_json(request, AccessBody)
    require_thing_type(body.entity_type)
    thing_id = await request.app[ACCESS_SERVICE].check_secret(
        body.subject, path_uuid(request, "channel_id"), body.action
    )
    return json_response(GrantedAccessBody(thing_id))


@routes.post("/channels/{channel_id}/access/by-id")
@operation(access=Access.SERVICE, body=AccessByIdBody, answer=GrantedAccessBody, errors=(403,))
async def check_access_by_id(request: web.Request) -> web.Response:
    """The same for a thing that has proved to the adapter who it is."""
    body = await read_json(request, AccessByIdBody)
    thing_id = await request.app[ACCESS_SERVICE].check_thing(
        request[CALLER], body.thing_id, path_uuid(request, "channel_id"), body.action
    )
    return json_response(GrantedAccessBody(thing_id))


@routes.post("/internal/devices")
@operation(access=Access.INTERNAL, body=DeviceKeyBody, answer=DeviceBody, errors=(403,))
async def find_device(request: web.Request) -> web.Response:
    """Tell which thing has a key, and what it may do where; the key is proof enough."""
    body = await read_json(request, DeviceKeyBody)
    device = await request.app[ACCESS_SERVICE].find_device(body.secret)
    return json_response(
        DeviceBody(
            thing_id=device.thing_id,
            channels=[
                DeviceChannelBody(id=each.id, actions=each.actions, enabled=each.enabled)
                for each in device.channels
            ],
        )
    )
