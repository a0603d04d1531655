"""The exchange by which a service comes to act for a user; never reachable from outside."""

from __future__ import annotations

from urllib.parse import parse_qs

from aiohttp import web

from services.users.handlers.proof import service_login
from services.users.service.exchange import ExchangeRequest, ExchangeService
from shared.contracts.users import ExchangedTokenBody
from shared.errors import InvalidInput
from shared.http.body import read_bytes
from shared.http.operation import Access, operation
from shared.http.responses import json_response

EXCHANGE: web.AppKey[ExchangeService] = web.AppKey("exchange", ExchangeService)

routes = web.RouteTableDef()


@routes.post("/internal/tokens/exchange")
@operation(
    access=Access.INTERNAL, answer=ExchangedTokenBody, errors=(400, 401, 403), limit_bytes=1 << 14
)
async def exchange_token(request: web.Request) -> web.Response:
    """A short token that names a service and the user it acts for."""
    service, secret = service_login(request)
    wanted = _form(await read_bytes(request))
    token = await request.app[EXCHANGE].exchange(service, secret, wanted)
    return json_response(
        ExchangedTokenBody(
            access_token=token.token,
            expires_in=int(token.lifetime.total_seconds()),
            scope=token.scope,
        ),
        headers={"Cache-Control": "no-store"},
    )


def _form(body: bytes) -> ExchangeRequest:
    """Read a form in which every member stands once."""
    try:
        form = parse_qs(body.decode(), strict_parsing=True, errors="strict", max_num_fields=20)
        values = {name: form[name] for name in ExchangeRequest.__struct_fields__}
    except (ValueError, KeyError):
        raise InvalidInput("malformed form") from None
    if any(len(value) != 1 or "\0" in value[0] for value in values.values()):
        raise InvalidInput("malformed form")
    return ExchangeRequest(**{name: value for name, [value] in values.items()})
