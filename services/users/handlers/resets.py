"""Forgotten passwords."""

from __future__ import annotations

from aiohttp import web

from services.users.service.resets import ResetService
from shared.contracts.users import (
    NothingBody,
    ResetPasswordBody,
    ResetRequestBody,
    ResetRequestedBody,
)
from shared.http.address import client_address
from shared.http.body import read_json
from shared.http.operation import Access, operation
from shared.http.responses import json_response

RESETS: web.AppKey[ResetService] = web.AppKey("resets", ResetService)

routes = web.RouteTableDef()


@routes.post("/password/reset-request")
@operation(
    access=Access.PUBLIC,
    body=ResetRequestBody,
    answer=ResetRequestedBody,
    status=201,
    errors=(429, 503),
)
async def request_reset(request: web.Request) -> web.Response:
    """Have a link sent by mail, if the address has an account; `Referer` says where it leads."""
    body = await read_json(request, ResetRequestBody)
    await request.app[RESETS].request(
        client_address(request), email=body.email, referer=request.headers.get("Referer", "")
    )
    return json_response(ResetRequestedBody(), status=201)


@routes.put("/password/reset")
@operation(
    access=Access.PUBLIC,
    body=ResetPasswordBody,
    answer=NothingBody,
    status=201,
    errors=(401, 503),
)
async def reset_password(request: web.Request) -> web.Response:
    """Set another password with the token of the mail, once; ends all logins."""
    body = await read_json(request, ResetPasswordBody)
    await request.app[RESETS].reset(
        token=body.token, password=body.password, confirmation=body.confirm_password
    )
    return json_response(NothingBody(), status=201)
