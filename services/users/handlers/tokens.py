"""Logins, and the keys that tokens are checked with."""

from __future__ import annotations

from aiohttp import web

from services.users.handlers.wire import login_of, tokens_body
from services.users.ports import PublicKeys
from services.users.service.logins import LoginService
from shared.contracts.users import KeySetBody, LegacyTokensBody, LoginBody, TokensBody
from shared.http.address import client_address
from shared.http.auth import CALLER, user_token
from shared.http.body import read_json
from shared.http.operation import Access, operation
from shared.http.responses import json_response, no_content

LOGINS: web.AppKey[LoginService] = web.AppKey("logins", LoginService)
PUBLIC_KEYS: web.AppKey[PublicKeys] = web.AppKey("public_keys")

routes = web.RouteTableDef()


@routes.post("/users/tokens/issue")
@operation(
    access=Access.PUBLIC, body=LoginBody, answer=TokensBody, status=201, errors=(401, 429, 503)
)
async def issue_tokens(request: web.Request) -> web.Response:
    """Log in: tokens for a name and password."""
    identity, secret = login_of(await read_json(request, LoginBody))
    pair = await request.app[LOGINS].log_in(identity, secret, client_address(request))
    return json_response(tokens_body(pair), status=201)


@routes.post("/tokens")
@operation(
    access=Access.PUBLIC,
    body=LoginBody,
    answer=LegacyTokensBody,
    status=201,
    errors=(401, 429, 503),
)
async def issue_legacy_tokens(request: web.Request) -> web.Response:
    """Log in as the first clients do."""
    identity, secret = login_of(await read_json(request, LoginBody))
    pair = await request.app[LOGINS].log_in(identity, secret, client_address(request))
    body = LegacyTokensBody(token=pair.access, access_token=pair.access, refresh_token=pair.refresh)
    return json_response(body, status=201)


@routes.post("/users/tokens/refresh")
@operation(access=Access.PUBLIC, answer=TokensBody, status=201, errors=(401, 503))
async def refresh_tokens(request: web.Request) -> web.Response:
    """The next pair of tokens for the refresh token in `Authorization`, which is then used up."""
    pair = await request.app[LOGINS].refresh(user_token(request))
    return json_response(tokens_body(pair), status=201)


@routes.post("/users/tokens/revoke")
@operation(status=204)
async def revoke_tokens(request: web.Request) -> web.Response:
    """Log out: end the login this access token comes from, with all its tokens."""
    await request.app[LOGINS].log_out(request[CALLER])
    return no_content()


@routes.get("/.well-known/jwks.json")
@operation(access=Access.PUBLIC, answer=KeySetBody)
async def show_keys(request: web.Request) -> web.Response:
    """The public keys that tokens are checked with."""
    return json_response(KeySetBody(request.app[PUBLIC_KEYS].public_keys))
