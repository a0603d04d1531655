"""API keys."""

from __future__ import annotations

from aiohttp import web

from services.users.handlers.wire import key_body
from services.users.service.keys import KeyService
from shared.contracts.users import CreateKeyBody, KeyBody, KeysPage
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.paging import Page
from shared.http.responses import json_response, no_content

KEYS: web.AppKey[KeyService] = web.AppKey("keys", KeyService)

routes = web.RouteTableDef()


# No scope on any of these: a key that could make keys could never be revoked.
@routes.post("/users/keys")
@operation(body=CreateKeyBody, answer=KeyBody, status=201)
async def create_key(request: web.Request) -> web.Response:
    """Make an API key; its text is shown this once."""
    body = await read_json(request, CreateKeyBody)
    key, token = await request.app[KEYS].create(
        request[CALLER], name=body.name, scopes=body.scopes, expires_at=body.expires_at
    )
    return json_response(
        key_body(key, token),
        status=201,
        headers={"Location": f"/users/keys/{key.id}", "Cache-Control": "no-store"},
    )


@routes.get("/users/keys")
@operation(query=Page, answer=KeysPage)
async def list_keys(request: web.Request) -> web.Response:
    """List the caller's API keys."""
    page = read_query(request, Page)
    total, keys = await request.app[KEYS].list_page(request[CALLER], page)
    return json_response(
        KeysPage(
            limit=page.limit, offset=page.offset, total=total, keys=[key_body(key) for key in keys]
        )
    )


@routes.get("/users/keys/{id}")
@operation(answer=KeyBody, errors=(404,))
async def view_key(request: web.Request) -> web.Response:
    """Show one of the caller's API keys."""
    key = await request.app[KEYS].view(request[CALLER], path_uuid(request, "id"))
    return json_response(key_body(key))


@routes.delete("/users/keys/{id}")
@operation(status=204, errors=(404,))
async def revoke_key(request: web.Request) -> web.Response:
    """Revoke one of the caller's API keys."""
    await request.app[KEYS].revoke(request[CALLER], path_uuid(request, "id"))
    return no_content()
