"""Groups of users."""

from __future__ import annotations

from aiohttp import web
from msgspec.structs import replace

from services.users.domain.groups import Group
from services.users.handlers.wire import (
    group_bodies,
    group_body,
    group_filter,
    optional_id,
    user_body,
    user_filter,
)
from services.users.service.groups import GroupService
from shared.contracts.common import Status
from shared.contracts.users import UsersQuery
from shared.contracts.users_groups import (
    CreateGroupBody,
    GroupBody,
    GroupsPage,
    GroupsQuery,
    MembershipsPage,
    MembersPage,
    UpdateGroupBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.responses import json_response
from shared.metadata import metadata_object

GROUPS: web.AppKey[GroupService] = web.AppKey("groups", GroupService)

routes = web.RouteTableDef()


@routes.post("/groups")
@operation(body=CreateGroupBody, answer=GroupBody, status=201, errors=(403, 404, 409))
async def create_group(request: web.Request) -> web.Response:
    """Make a group of users."""
    body = await read_json(request, CreateGroupBody)
    group = await request.app[GROUPS].create(
        request[CALLER],
        name=body.name,
        description=body.description,
        parent_id=optional_id(body.parent_id, "parent_id"),
        metadata=metadata_object(body.metadata) or {},
        status=Status(body.status or Status.ENABLED),
    )
    return json_response(group_body(group), status=201, headers={"Location": f"/groups/{group.id}"})


@routes.get("/groups")
@operation(scope="users:read", query=GroupsQuery, answer=GroupsPage)
async def list_groups(request: web.Request) -> web.Response:
    """List the groups the caller owns or may list; an admin sees all."""
    query = read_query(request, GroupsQuery)
    total, groups = await request.app[GROUPS].list_page(request[CALLER], group_filter(query), query)
    return json_response(_page(query, total, groups))


@routes.get("/groups/{id}")
@operation(scope="users:read", answer=GroupBody, errors=(403, 404))
async def view_group(request: web.Request) -> web.Response:
    """Show a group."""
    group = await request.app[GROUPS].view(request[CALLER], path_uuid(request, "id"))
    return json_response(group_body(group))


@routes.put("/groups/{id}")
@operation(body=UpdateGroupBody, answer=GroupBody, errors=(403, 404, 409))
async def update_group(request: web.Request) -> web.Response:
    """Change a group's name, description and metadata, or put it into another group."""
    body = await read_json(request, UpdateGroupBody)
    group = await request.app[GROUPS].update(
        request[CALLER],
        path_uuid(request, "id"),
        name=body.name,
        description=body.description,
        metadata=metadata_object(body.metadata),
        parent_id=optional_id(body.parent_id, "parent_id"),
    )
    return json_response(group_body(group))


@routes.post("/groups/{id}/enable")
@operation(answer=GroupBody, errors=(403, 404, 409))
async def enable_group(request: web.Request) -> web.Response:
    """Let a group take part again."""
    group = await request.app[GROUPS].change_status(
        request[CALLER], path_uuid(request, "id"), Status.ENABLED
    )
    return json_response(group_body(group))


@routes.post("/groups/{id}/disable")
@operation(answer=GroupBody, errors=(403, 404, 409))
async def disable_group(request: web.Request) -> web.Response:
    """Let a group no longer take part."""
    group = await request.app[GROUPS].change_status(
        request[CALLER], path_uuid(request, "id"), Status.DISABLED
    )
    return json_response(group_body(group))


@routes.get("/groups/{id}/children")
@operation(scope="users:read", query=GroupsQuery, answer=GroupsPage, errors=(403, 404))
async def list_children(request: web.Request) -> web.Response:
    """List a group and the groups in it."""
    return await _list_family(request, is_upwards=False)


@routes.get("/groups/{id}/parents")
@operation(scope="users:read", query=GroupsQuery, answer=GroupsPage, errors=(403, 404))
async def list_parents(request: web.Request) -> web.Response:
    """List a group and the groups it is in."""
    return await _list_family(request, is_upwards=True)


@routes.get("/groups/{id}/members")
@operation(scope="users:read", query=UsersQuery, answer=MembersPage, errors=(403, 404))
async def list_members(request: web.Request) -> web.Response:
    """List the users in a group."""
    query = read_query(request, UsersQuery)
    total, users = await request.app[GROUPS].list_members(
        request[CALLER], path_uuid(request, "id"), user_filter(query), query
    )
    return json_response(
        MembersPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            members=[user_body(user) for user in users],
        )
    )


@routes.get("/users/{id}/memberships")
@operation(scope="users:read", query=GroupsQuery, answer=MembershipsPage)
async def list_memberships(request: web.Request) -> web.Response:
    """List the groups a user is in, as far as the caller may see them."""
    query = read_query(request, GroupsQuery)
    total, groups = await request.app[GROUPS].list_memberships(
        request[CALLER], path_uuid(request, "id"), group_filter(query), query
    )
    return json_response(
        MembershipsPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            memberships=group_bodies(groups, tree=query.tree),
        )
    )


async def _list_family(request: web.Request, *, is_upwards: bool) -> web.Response:
    query = read_query(request, GroupsQuery)
    wanted = replace(group_filter(query), is_upwards=is_upwards)
    total, groups = await request.app[GROUPS].list_family(
        request[CALLER], path_uuid(request, "id"), wanted, query
    )
    return json_response(_page(query, total, groups))


def _page(query: GroupsQuery, total: int, groups: list[Group]) -> GroupsPage:
    return GroupsPage(
        limit=query.limit,
        offset=query.offset,
        total=total,
        level=query.level or 0,
        groups=group_bodies(groups, tree=query.tree),
    )
