"""Configs of mappings, for provision."""

from __future__ import annotations

from aiohttp import web

from services.bootstrap.handlers.bodies import config_from
from services.bootstrap.handlers.keys import SET_SERVICE
from shared.contracts.bootstrap import SetConfigsBody, WithdrawConfigsBody
from shared.http.auth import CALLER
from shared.http.body import read_json
from shared.http.operation import BULK_LIMIT_BYTES, Access, operation
from shared.http.responses import no_content

routes = web.RouteTableDef()


@routes.put("/internal/configs")
@operation(
    access=Access.SERVICE,
    body=SetConfigsBody,
    status=204,
    errors=(403, 409),
    limit_bytes=BULK_LIMIT_BYTES,
)
async def apply_configs(request: web.Request) -> web.Response:
    """Make mappings' configs, those that were not made before."""
    body = await read_json(request, SetConfigsBody)
    caller = request[CALLER]
    await request.app[SET_SERVICE].apply(
        caller,
        {
            mapping_id: config_from(config, caller.user_id)
            for mapping_id, config in body.configs.items()
        },
    )
    return no_content()


@routes.delete("/internal/configs")
@operation(access=Access.SERVICE, body=WithdrawConfigsBody, status=204, errors=(403,))
async def withdraw_configs(request: web.Request) -> web.Response:
    """Remove mappings' configs and keep them from appearing later."""
    body = await read_json(request, WithdrawConfigsBody)
    await request.app[SET_SERVICE].withdraw(request[CALLER], body.mapping_ids)
    return no_content()
