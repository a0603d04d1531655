"""Connections between things and channels over HTTP."""

from __future__ import annotations

from aiohttp import web

from services.things.handlers.answers import channel_body, policy_body, thing_body
from services.things.handlers.keys import CONNECTION_SERVICE
from services.things.handlers.reading import filter_of, pairs_of, path_pair, read_actions
from shared.contracts.things import (
    ActionsBody,
    ChannelsPage,
    ConnectBody,
    ConnectedQuery,
    PoliciesPage,
    PolicyBody,
    ThingsPage,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()


@routes.put("/channels/{channel_id}/things/{thing_id}")
@routes.post("/channels/{channel_id}/things/{thing_id}")
@operation(
    scope="channels:write",
    body=ActionsBody,
    body_required=False,
    answer=PolicyBody,
    status=201,
    errors=(403, 404),
)
async def connect_thing(request: web.Request) -> web.Response:
    """Connect a thing to a channel, or replace what it may do there."""
    actions = await read_actions(request)
    (connection,) = await request.app[CONNECTION_SERVICE].connect(
        request[CALLER], path_pair(request), actions
    )
    return json_response(policy_body(connection), status=201)


@routes.delete("/channels/{channel_id}/things/{thing_id}")
@operation(scope="channels:write", status=204, errors=(403, 404))
async def disconnect_thing(request: web.Request) -> web.Response:
    """Disconnect a thing from a channel."""
    await request.app[CONNECTION_SERVICE].disconnect(request[CALLER], path_pair(request))
    return no_content()


@routes.post("/connect")
@operation(scope="channels:write", body=ConnectBody, answer=PoliciesPage, errors=(403, 404))
async def connect(request: web.Request) -> web.Response:
    """Connect every thing with every channel, all or none."""
    body = await read_json(request, ConnectBody)
    connections = await request.app[CONNECTION_SERVICE].connect(
        request[CALLER], pairs_of(body), body.actions
    )
    return json_response(
        PoliciesPage(
            limit=len(connections),
            offset=0,
            total=len(connections),
            policies=[policy_body(connection) for connection in connections],
        )
    )


@routes.post("/disconnect")
@routes.put("/disconnect")
@operation(scope="channels:write", body=ConnectBody, status=204, errors=(403, 404))
async def disconnect(request: web.Request) -> web.Response:
    """Disconnect every thing from every channel, all or none."""
    body = await read_json(request, ConnectBody)
    await request.app[CONNECTION_SERVICE].disconnect(request[CALLER], pairs_of(body))
    return no_content()


@routes.get("/channels/{channel_id}/things")
@operation(scope="channels:read", query=ConnectedQuery, answer=ThingsPage, errors=(404,))
async def list_channel_things(request: web.Request) -> web.Response:
    """List the things connected to a channel."""
    query = read_query(request, ConnectedQuery)
    total, things = await request.app[CONNECTION_SERVICE].list_things(
        request[CALLER],
        path_uuid(request, "channel_id"),
        filter_of(status=query.status, metadata=query.metadata),
        query,
    )
    return json_response(
        ThingsPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            things=[thing_body(thing, with_owner=False) for thing in things],
        )
    )


@routes.get("/things/{thing_id}/channels")
@operation(scope="channels:read", query=ConnectedQuery, answer=ChannelsPage, errors=(404,))
async def list_thing_channels(request: web.Request) -> web.Response:
    """List the channels a thing is connected to."""
    query = read_query(request, ConnectedQuery)
    total, channels = await request.app[CONNECTION_SERVICE].list_channels(
        request[CALLER],
        path_uuid(request, "thing_id"),
        filter_of(status=query.status, metadata=query.metadata),
        query,
    )
    return json_response(
        ChannelsPage(
            total=total,
            offset=query.offset,
            limit=query.limit,
            channels=[channel_body(channel) for channel in channels],
        )
    )
