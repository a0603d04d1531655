"""Certificates of mappings, for provision."""

from __future__ import annotations

from aiohttp import web

from services.certs.handlers.bodies import set_wish_from, signed_set_body
from services.certs.handlers.keys import SET_SERVICE
from shared.contracts.certs import (
    SetCertificatesBody,
    SignedSetBody,
    WithdrawCertificatesBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json
from shared.http.operation import Access, operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()


@routes.put("/internal/certificates/{mapping_id}")
@operation(
    access=Access.SERVICE,
    body=SetCertificatesBody,
    answer=SignedSetBody,
    errors=(403, 404, 409),
)
async def sign_set(request: web.Request) -> web.Response:
    """Sign a mapping's certificates; what was signed before is shown again."""
    mapping_id = path_uuid(request, "mapping_id")
    body = await read_json(request, SetCertificatesBody)
    service = request.app[SET_SERVICE]
    certificates = await service.apply(
        request[CALLER], mapping_id, [set_wish_from(wanted) for wanted in body.certificates]
    )
    return json_response(signed_set_body(certificates, service.chain))


@routes.get("/internal/certificates/{mapping_id}")
@operation(access=Access.SERVICE, answer=SignedSetBody, errors=(403, 404, 409))
async def view_set(request: web.Request) -> web.Response:
    """Show the living certificates of a mapping's things."""
    mapping_id = path_uuid(request, "mapping_id")
    service = request.app[SET_SERVICE]
    certificates = await service.view(request[CALLER], mapping_id)
    return json_response(signed_set_body(certificates, service.chain))


@routes.delete("/internal/certificates")
@operation(access=Access.SERVICE, body=WithdrawCertificatesBody, status=204, errors=(403,))
async def withdraw_sets(request: web.Request) -> web.Response:
    """Revoke mappings' certificates and keep any from being signed later."""
    body = await read_json(request, WithdrawCertificatesBody)
    await request.app[SET_SERVICE].withdraw(request[CALLER], body.mapping_ids)
    return no_content()
