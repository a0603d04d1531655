"""Accounts."""

from __future__ import annotations

from aiohttp import web

from services.users.domain.accounts import Role
from services.users.handlers.wire import new_user, user_body, user_filter
from services.users.service.access import AccessService
from services.users.service.accounts import AccountService
from shared.contracts.common import Status
from shared.contracts.users import (
    ChangeSecretBody,
    CreateUserBody,
    UpdateUserBody,
    UserBody,
    UserIdentityBody,
    UserOwnerBody,
    UserRoleBody,
    UsersPage,
    UsersQuery,
    UserTagsBody,
)
from shared.http.address import client_address
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import Access, operation
from shared.http.responses import json_response
from shared.metadata import metadata_object

ACCESS: web.AppKey[AccessService] = web.AppKey("access", AccessService)
ACCOUNTS: web.AppKey[AccountService] = web.AppKey("accounts", AccountService)

routes = web.RouteTableDef()


@routes.post("/users")
@operation(
    access=Access.OPTIONAL_USER,
    body=CreateUserBody,
    answer=UserBody,
    status=201,
    errors=(403, 409, 429),
)
async def create_user(request: web.Request) -> web.Response:
    """Make an account; with a token, the caller will own it."""
    body = await read_json(request, CreateUserBody)
    user = await request.app[ACCOUNTS].register(
        request.get(CALLER), new_user(body), client_address(request)
    )
    return json_response(user_body(user), status=201, headers={"Location": f"/users/{user.id}"})


@routes.get("/users")
@operation(scope="users:read", query=UsersQuery, answer=UsersPage)
async def list_users(request: web.Request) -> web.Response:
    """List the accounts the caller owns; an admin sees all."""
    query = read_query(request, UsersQuery)
    total, users = await request.app[ACCOUNTS].list_page(
        request[CALLER],
        user_filter(query),
        owner=query.owner_id,
        visibility=query.visibility,
        page=query,
    )
    return json_response(
        UsersPage(
            limit=query.limit, offset=query.offset, total=total, users=list(map(user_body, users))
        )
    )


# Before `/users/{id}`, which these words would match too.
@routes.get("/users/profile")
@operation(scope="users:read", answer=UserBody)
async def view_profile(request: web.Request) -> web.Response:
    """Show the caller's own account."""
    caller = request[CALLER]
    return json_response(user_body(await request.app[ACCOUNTS].view(caller, caller.user_id)))


@routes.patch("/users/secret")
@operation(body=ChangeSecretBody, answer=UserBody, errors=(409, 429))
async def change_secret(request: web.Request) -> web.Response:
    """Give the caller another password and end all his logins."""
    body = await read_json(request, ChangeSecretBody)
    user = await request.app[ACCESS].change_secret(
        request[CALLER],
        old_secret=body.old_secret,
        new_secret=body.new_secret,
        address=client_address(request),
    )
    return json_response(user_body(user))


@routes.get("/users/{id}")
@operation(scope="users:read", answer=UserBody, errors=(403, 404))
async def view_user(request: web.Request) -> web.Response:
    """Show an account to itself, its owner or an admin."""
    user = await request.app[ACCOUNTS].view(request[CALLER], path_uuid(request, "id"))
    return json_response(user_body(user))


@routes.patch("/users/{id}")
@operation(body=UpdateUserBody, answer=UserBody, errors=(403, 404))
async def update_user(request: web.Request) -> web.Response:
    """Change an account's name and metadata."""
    body = await read_json(request, UpdateUserBody)
    user = await request.app[ACCOUNTS].update(
        request[CALLER],
        path_uuid(request, "id"),
        name=body.name,
        metadata=metadata_object(body.metadata),
    )
    return json_response(user_body(user))


@routes.patch("/users/{id}/tags")
@operation(body=UserTagsBody, answer=UserBody, errors=(403, 404))
async def update_tags(request: web.Request) -> web.Response:
    """Replace an account's tags."""
    body = await read_json(request, UserTagsBody)
    user = await request.app[ACCOUNTS].update_tags(
        request[CALLER], path_uuid(request, "id"), body.tags or []
    )
    return json_response(user_body(user))


@routes.patch("/users/{id}/identity")
@operation(body=UserIdentityBody, answer=UserBody, errors=(403, 404, 409))
async def update_identity(request: web.Request) -> web.Response:
    """Change an account's login name."""
    body = await read_json(request, UserIdentityBody)
    user = await request.app[ACCOUNTS].update_identity(
        request[CALLER], path_uuid(request, "id"), body.identity
    )
    return json_response(user_body(user))


@routes.patch("/users/{id}/owner")
@operation(body=UserOwnerBody, answer=UserBody, errors=(403, 404))
async def update_owner(request: web.Request) -> web.Response:
    """Give an account to another user."""
    body = await read_json(request, UserOwnerBody)
    user = await request.app[ACCOUNTS].update_owner(
        request[CALLER], path_uuid(request, "id"), body.owner
    )
    return json_response(user_body(user))


@routes.patch("/users/{id}/role")
@operation(body=UserRoleBody, answer=UserBody, errors=(403, 404, 409))
async def update_role(request: web.Request) -> web.Response:
    """Make somebody an admin, or an admin an ordinary user; for admins."""
    body = await read_json(request, UserRoleBody)
    user = await request.app[ACCESS].change_role(
        request[CALLER], path_uuid(request, "id"), Role(body.role)
    )
    return json_response(user_body(user))


@routes.post("/users/{id}/enable")
@operation(answer=UserBody, errors=(403, 404, 409))
async def enable_user(request: web.Request) -> web.Response:
    """Let an account take part again."""
    user = await request.app[ACCESS].change_status(
        request[CALLER], path_uuid(request, "id"), Status.ENABLED
    )
    return json_response(user_body(user))


@routes.post("/users/{id}/disable")
@operation(answer=UserBody, errors=(403, 404, 409))
async def disable_user(request: web.Request) -> web.Response:
    """Let an account no longer take part, and end its logins."""
    user = await request.app[ACCESS].change_status(
        request[CALLER], path_uuid(request, "id"), Status.DISABLED
    )
    return json_response(user_body(user))
