"""Configs, for the user who owns them."""

from __future__ import annotations

from aiohttp import web

from services.bootstrap.domain import Certificates
from services.bootstrap.handlers.bodies import config_body, filter_from, summary_body
from services.bootstrap.handlers.keys import CONFIG_SERVICE
from shared.contracts.bootstrap import (
    ConfigBody,
    ConfigCertificatesBody,
    ConfigsPage,
    ConfigsQuery,
    UpdateCertificatesBody,
    UpdateConfigBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import operation
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.get("/things/configs")
@operation(scope="bootstrap:read", query=ConfigsQuery, answer=ConfigsPage)
async def list_configs(request: web.Request) -> web.Response:
    """List the caller's configs, without their channels."""
    query = read_query(request, ConfigsQuery)
    total, configs = await request.app[CONFIG_SERVICE].list_page(
        request[CALLER], filter_from(query), query
    )
    return json_response(
        ConfigsPage(
            total=total,
            offset=query.offset,
            limit=query.limit,
            configs=[summary_body(config) for config in configs],
        )
    )


@routes.get("/things/configs/{thing_id}")
@operation(scope="bootstrap:read", answer=ConfigBody, errors=(404,))
async def view_config(request: web.Request) -> web.Response:
    """Show the config of a thing."""
    thing_id = path_uuid(request, "thing_id")
    config = await request.app[CONFIG_SERVICE].view(request[CALLER], thing_id)
    return json_response(config_body(config))


@routes.put("/things/configs/{thing_id}")
@operation(scope="bootstrap:write", body=UpdateConfigBody, errors=(404,))
async def update_config(request: web.Request) -> web.Response:
    """Replace a config's name and content."""
    thing_id = path_uuid(request, "thing_id")
    body = await read_json(request, UpdateConfigBody)
    await request.app[CONFIG_SERVICE].update(
        request[CALLER], thing_id, name=body.name, content=body.content
    )
    return web.Response(content_type="application/json")


@routes.patch("/things/configs/certs/{thing_id}")
@operation(
    scope="bootstrap:write",
    body=UpdateCertificatesBody,
    answer=ConfigCertificatesBody,
    errors=(404,),
)
async def update_certificates(request: web.Request) -> web.Response:
    """Replace a config's certificates."""
    thing_id = path_uuid(request, "thing_id")
    body = await read_json(request, UpdateCertificatesBody)
    certificates = Certificates(
        client_cert=body.client_cert, client_key=body.client_key, ca_cert=body.ca_cert
    )
    await request.app[CONFIG_SERVICE].update_certificates(request[CALLER], thing_id, certificates)
    return json_response(
        ConfigCertificatesBody(
            thing_id=thing_id,
            client_cert=body.client_cert,
            ca_cert=body.ca_cert,
            client_key=body.client_key,
        )
    )
