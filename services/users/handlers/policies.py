"""Policies: who may do what in which group."""

from __future__ import annotations

from aiohttp import web

from services.users.domain.groups import Action, PolicyFilter
from services.users.handlers.wire import optional_id, policy_body, required_id
from services.users.service.policies import PolicyService
from shared.contracts.users_groups import UserPoliciesPage, UserPoliciesQuery, UserPolicyWriteBody
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.responses import json_response, no_content

POLICIES: web.AppKey[PolicyService] = web.AppKey("policies", PolicyService)

routes = web.RouteTableDef()


@routes.post("/policies")
@operation(body=UserPolicyWriteBody, status=201, errors=(403, 404))
async def add_policy(request: web.Request) -> web.Response:
    """Let a user do something in a group."""
    body = await read_json(request, UserPolicyWriteBody)
    await request.app[POLICIES].add(
        request[CALLER],
        required_id(body.subject, "subject"),
        required_id(body.object, "object"),
        [Action(action) for action in body.actions],
    )
    return web.Response(status=201, content_type="application/json")


@routes.put("/policies")
@operation(body=UserPolicyWriteBody, status=204, errors=(403, 404))
async def update_policy(request: web.Request) -> web.Response:
    """Change what a user may do in a group."""
    body = await read_json(request, UserPolicyWriteBody)
    await request.app[POLICIES].update(
        request[CALLER],
        required_id(body.subject, "subject"),
        required_id(body.object, "object"),
        [Action(action) for action in body.actions],
    )
    return no_content()


@routes.get("/policies")
@operation(scope="users:read", query=UserPoliciesQuery, answer=UserPoliciesPage)
async def list_policies(request: web.Request) -> web.Response:
    """List the policies the caller made; an admin sees all."""
    query = read_query(request, UserPoliciesQuery)
    wanted = PolicyFilter(
        owner_id=optional_id(query.owner_id, "owner_id"),
        subject=optional_id(query.subject, "subject"),
        object=optional_id(query.object, "object"),
        action=Action(query.action) if query.action else None,
    )
    total, policies = await request.app[POLICIES].list_page(request[CALLER], wanted, query)
    return json_response(
        UserPoliciesPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            policies=[policy_body(policy) for policy in policies],
        )
    )


@routes.delete("/policies/{subject}/{object}")
@operation(status=204, errors=(403, 404))
async def delete_policy(request: web.Request) -> web.Response:
    """Let a user do nothing in a group any more."""
    await request.app[POLICIES].delete(
        request[CALLER], path_uuid(request, "subject"), path_uuid(request, "object")
    )
    return no_content()
