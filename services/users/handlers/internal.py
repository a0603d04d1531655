"""What other services ask users; never reachable from outside."""

from __future__ import annotations

from aiohttp import web

from services.users.domain.groups import Action
from services.users.handlers.keys import KEYS
from services.users.handlers.proof import require_service
from services.users.handlers.wire import verdict_body
from services.users.service.revocations import RevocationService
from services.users.service.rights import RightService
from shared.contracts.users import (
    AuthorizeBody,
    AuthorizedBody,
    IntrospectBody,
    KeyVerdictBody,
    KnownUserBody,
    RevocationsBody,
    RevocationsQuery,
)
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import Access, operation
from shared.http.responses import json_response

REVOCATIONS: web.AppKey[RevocationService] = web.AppKey("revocations", RevocationService)
RIGHTS: web.AppKey[RightService] = web.AppKey("rights", RightService)

routes = web.RouteTableDef()


@routes.post("/internal/authorize")
@operation(access=Access.INTERNAL, body=AuthorizeBody, answer=AuthorizedBody, errors=(401,))
async def authorize(request: web.Request) -> web.Response:
    """Whether a user may do something with a user or a group."""
    require_service(request)
    body = await read_json(request, AuthorizeBody)
    is_allowed = await request.app[RIGHTS].is_allowed(
        body.subject, body.object, Action(body.action), on_group=body.entity_type == "group"
    )
    return json_response(AuthorizedBody(authorized=is_allowed))


@routes.post("/internal/keys/introspect")
@operation(access=Access.INTERNAL, body=IntrospectBody, answer=KeyVerdictBody, errors=(401,))
async def introspect_key(request: web.Request) -> web.Response:
    """What an API key is worth."""
    require_service(request)
    body = await read_json(request, IntrospectBody)
    return json_response(verdict_body(await request.app[KEYS].check(body.key)))


@routes.get("/internal/revocations")
@operation(access=Access.INTERNAL, query=RevocationsQuery, answer=RevocationsBody, errors=(401,))
async def list_revocations(request: web.Request) -> web.Response:
    """What no longer counts since the last look."""
    require_service(request)
    query = read_query(request, RevocationsQuery)
    start, revocations = await request.app[REVOCATIONS].list_since(query.since)
    return json_response(RevocationsBody(next=start, revocations=revocations))


@routes.get("/internal/users/{id}")
@operation(access=Access.INTERNAL, answer=KnownUserBody, errors=(401, 404))
async def show_known_user(request: web.Request) -> web.Response:
    """Whether an account exists, takes part, and is an admin's."""
    require_service(request)
    user = await request.app[RIGHTS].read(path_uuid(request, "id"))
    return json_response(KnownUserBody(id=user.id, status=user.status.value, role=user.role.value))
