"""Channels over HTTP."""

from __future__ import annotations

from aiohttp import web

from services.things.domain import ChannelChange
from services.things.handlers.answers import channel_bodies, channel_body
from services.things.handlers.keys import CHANNEL_SERVICE
from services.things.handlers.reading import (
    channel_draft,
    family_of,
    filter_of,
    name_of,
    require_bulk,
)
from shared.contracts.common import Status
from shared.contracts.things import (
    ChannelBody,
    ChannelsBody,
    ChannelsPage,
    ChannelsQuery,
    CreateChannelBody,
    UpdateChannelBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import BULK_LIMIT_BYTES, operation
from shared.http.responses import json_response, no_content
from shared.metadata import metadata_object

routes = web.RouteTableDef()


@routes.post("/channels")
@operation(
    scope="channels:write", body=CreateChannelBody, answer=ChannelBody, status=201, errors=(409,)
)
async def create_channel(request: web.Request) -> web.Response:
    """Make a channel for the caller."""
    body = await read_json(request, CreateChannelBody)
    (channel,) = await request.app[CHANNEL_SERVICE].create(request[CALLER], [channel_draft(body)])
    return json_response(
        channel_body(channel), status=201, headers={"Location": f"/channels/{channel.id}"}
    )


@routes.post("/channels/bulk")
@operation(
    scope="channels:write",
    body=list[CreateChannelBody],
    answer=ChannelsBody,
    errors=(409,),
    limit_bytes=BULK_LIMIT_BYTES,
)
async def create_channels(request: web.Request) -> web.Response:
    """Make many channels for the caller, all or none."""
    bodies = await read_json(request, list[CreateChannelBody])
    require_bulk(bodies)
    channels = await request.app[CHANNEL_SERVICE].create(
        request[CALLER], [channel_draft(body) for body in bodies]
    )
    return json_response(
        ChannelsBody(total=len(channels), channels=[channel_body(channel) for channel in channels])
    )


@routes.get("/channels/{channel_id}")
@operation(scope="channels:read", answer=ChannelBody, errors=(404,))
async def view_channel(request: web.Request) -> web.Response:
    """Show a channel."""
    channel = await request.app[CHANNEL_SERVICE].view(
        request[CALLER], path_uuid(request, "channel_id")
    )
    return json_response(channel_body(channel))


@routes.get("/channels")
@operation(scope="channels:read", query=ChannelsQuery, answer=ChannelsPage)
async def list_channels(request: web.Request) -> web.Response:
    """List the caller's channels and those shared with him; an admin's list shows everybody's."""
    query = read_query(request, ChannelsQuery)
    total, channels = await request.app[CHANNEL_SERVICE].list_page(
        request[CALLER],
        filter_of(status=query.status, metadata=query.metadata, name=query.name),
        query,
        owner=query.owner_id,
        family=family_of(query),
    )
    return json_response(
        ChannelsPage(
            total=total,
            offset=query.offset,
            limit=query.limit,
            channels=channel_bodies(channels, as_tree=query.tree),
        )
    )


@routes.put("/channels/{channel_id}")
@routes.patch("/channels/{channel_id}")
@operation(scope="channels:write", body=UpdateChannelBody, answer=ChannelBody, errors=(403, 404))
async def update_channel(request: web.Request) -> web.Response:
    """Change a channel's name, description or metadata."""
    body = await read_json(request, UpdateChannelBody)
    channel = await request.app[CHANNEL_SERVICE].update(
        request[CALLER],
        path_uuid(request, "channel_id"),
        ChannelChange(
            name=name_of(body.name) or None,
            description=body.description,
            metadata=metadata_object(body.metadata),
        ),
    )
    return json_response(channel_body(channel))


@routes.post("/channels/{channel_id}/enable")
@operation(scope="channels:write", answer=ChannelBody, errors=(403, 404, 409))
async def enable_channel(request: web.Request) -> web.Response:
    """Let a channel take part again."""
    channel = await request.app[CHANNEL_SERVICE].update_status(
        request[CALLER], path_uuid(request, "channel_id"), Status.ENABLED
    )
    return json_response(channel_body(channel))


@routes.post("/channels/{channel_id}/disable")
@operation(scope="channels:write", answer=ChannelBody, errors=(403, 404, 409))
async def disable_channel(request: web.Request) -> web.Response:
    """Keep a channel from taking part."""
    channel = await request.app[CHANNEL_SERVICE].update_status(
        request[CALLER], path_uuid(request, "channel_id"), Status.DISABLED
    )
    return json_response(channel_body(channel))


@routes.delete("/channels/{channel_id}")
@operation(scope="channels:write", status=204, errors=(404,))
async def delete_channel(request: web.Request) -> web.Response:
    """Remove a channel with its connections."""
    await request.app[CHANNEL_SERVICE].delete(request[CALLER], path_uuid(request, "channel_id"))
    return no_content()
