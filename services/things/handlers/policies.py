"""Policies over HTTP: connections and shares in the words of the current clients."""

from __future__ import annotations

from aiohttp import web

from services.things.domain import ChannelNotFound, ThingNotFound, UserNotFound
from services.things.handlers.answers import policy_body
from services.things.handlers.keys import POLICY_SERVICE
from services.things.handlers.reading import named_id, policy_filter
from shared.contracts.things import (
    CreatePolicyBody,
    PoliciesPage,
    PoliciesQuery,
    UpdatePolicyBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()


@routes.post("/policies")
@operation(scope="channels:write", body=CreatePolicyBody, status=201, errors=(403, 404, 503))
async def create_policy(request: web.Request) -> web.Response:
    """Connect a thing to a channel, or share a channel with a user (`external`)."""
    body = await read_json(request, CreatePolicyBody)
    subject_id = named_id(body.subject, UserNotFound if body.external else ThingNotFound)
    policies = request.app[POLICY_SERVICE]
    create = policies.share if body.external else policies.connect
    await create(request[CALLER], subject_id, named_id(body.object, ChannelNotFound), body.actions)
    return web.Response(status=201, content_type="application/json")


@routes.put("/policies")
@operation(scope="channels:write", body=UpdatePolicyBody, status=204, errors=(403, 404))
async def update_policy(request: web.Request) -> web.Response:
    """Replace what a connected thing, or a user, may do in a channel."""
    body = await read_json(request, UpdatePolicyBody)
    await request.app[POLICY_SERVICE].update(
        request[CALLER],
        named_id(body.subject, ThingNotFound),
        named_id(body.object, ChannelNotFound),
        body.actions,
    )
    return no_content()


@routes.get("/policies")
@operation(scope="channels:read", query=PoliciesQuery, answer=PoliciesPage)
async def list_policies(request: web.Request) -> web.Response:
    """List the policies the caller made; an admin's list shows everybody's."""
    query = read_query(request, PoliciesQuery)
    total, policies = await request.app[POLICY_SERVICE].list_page(
        request[CALLER], policy_filter(query), query, owner=query.owner_id
    )
    return json_response(
        PoliciesPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            policies=[policy_body(policy) for policy in policies],
        )
    )


@routes.delete("/policies/{subject}/{object}")
@operation(scope="channels:write", status=204, errors=(403, 404))
async def delete_policy(request: web.Request) -> web.Response:
    """Disconnect a thing from a channel, or end the sharing with a user."""
    await request.app[POLICY_SERVICE].delete(
        request[CALLER], path_uuid(request, "subject"), path_uuid(request, "object")
    )
    return no_content()
