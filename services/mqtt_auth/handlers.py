"""Who is connected, over HTTP."""

from __future__ import annotations

from aiohttp import web

from services.mqtt_auth.service.presence import PresenceService
from shared.clock import timestamp
from shared.contracts.messages import PresenceBody
from shared.http.auth import CALLER
from shared.http.body import path_uuid
from shared.http.operation import operation
from shared.http.responses import json_response

PRESENCE_SERVICE: web.AppKey[PresenceService] = web.AppKey("presence_service", PresenceService)

routes = web.RouteTableDef()


@routes.get("/things/{thing_id}/presence")
@operation(scope="things:read", answer=PresenceBody, errors=(404,))
async def show_presence(request: web.Request) -> web.Response:
    """Tell whether a thing is connected to the message broker, since when and how."""
    thing_id = path_uuid(request, "thing_id")
    presence = await request.app[PRESENCE_SERVICE].show(request[CALLER], thing_id)
    if presence is None:
        return json_response(PresenceBody(thing_id=thing_id, connected=False))
    return json_response(
        PresenceBody(
            thing_id=thing_id,
            connected=True,
            since=timestamp(presence.since),
            protocol=presence.protocol,
        )
    )
