"""Things and channels for the service that configures gateways, acting for their owner."""

from __future__ import annotations

from aiohttp import web

from services.things.handlers.answers import channel_body, thing_body
from services.things.handlers.keys import CHANNEL_SERVICE, THING_SERVICE
from shared.contracts.things import ChannelBody, ThingBody
from shared.http.auth import CALLER
from shared.http.body import path_uuid
from shared.http.operation import Access, operation
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.get("/internal/things/{thing_id}")
@operation(access=Access.SERVICE, answer=ThingBody, errors=(403, 404))
async def read_thing(request: web.Request) -> web.Response:
    """Show a user's thing with its secret."""
    thing = await request.app[THING_SERVICE].read(request[CALLER], path_uuid(request, "thing_id"))
    return json_response(thing_body(thing))


@routes.get("/internal/channels/{channel_id}")
@operation(access=Access.SERVICE, answer=ChannelBody, errors=(403, 404))
async def read_channel(request: web.Request) -> web.Response:
    """Show a user's channel."""
    channel = await request.app[CHANNEL_SERVICE].read(
        request[CALLER], path_uuid(request, "channel_id")
    )
    return json_response(channel_body(channel))
