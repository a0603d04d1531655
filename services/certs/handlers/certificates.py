"""Certificates, for the users of things."""

from __future__ import annotations

from aiohttp import web

from services.certs.handlers.bodies import (
    certificate_body,
    issued_body,
    moment_from,
    serials_page,
    wish_from,
)
from services.certs.handlers.keys import CERTIFICATE_SERVICE, USUAL_KEY_KIND
from shared.clock import timestamp
from shared.contracts.certs import (
    CertificateBody,
    CertificatesQuery,
    IssueBody,
    RenewBody,
    RevokedBody,
    SerialsPage,
)
from shared.http.auth import CALLER
from shared.http.body import read_json, read_query
from shared.http.operation import operation
from shared.http.paging import Page
from shared.http.responses import json_response

routes = web.RouteTableDef()


@routes.post("/certs")
@operation(
    scope="certs:write",
    body=IssueBody,
    answer=CertificateBody,
    status=201,
    errors=(403, 404, 409),
)
async def issue_certificate(request: web.Request) -> web.Response:
    """Issue a certificate for a thing; a private key made for it is shown this once."""
    body = await read_json(request, IssueBody)
    service = request.app[CERTIFICATE_SERVICE]
    wish = wish_from(body, request.app[USUAL_KEY_KIND])
    issued = await service.issue(request[CALLER], body.thing_id, wish)
    serial = issued.certificate.serial.hex(":")
    return json_response(
        issued_body(issued, service.chain), status=201, headers={"Location": f"/certs/{serial}"}
    )


@routes.get("/certs")
@operation(scope="certs:read", query=CertificatesQuery, answer=SerialsPage)
async def list_certificates(request: web.Request) -> web.Response:
    """List the caller's certificates that nothing has replaced yet, by expiry."""
    query = read_query(request, CertificatesQuery)
    total, certificates = await request.app[CERTIFICATE_SERVICE].list_expiring(
        request[CALLER], moment_from(query.expires_before), query
    )
    return json_response(serials_page(total, query, certificates))


@routes.get("/certs/{serial}")
@operation(scope="certs:read", answer=CertificateBody, errors=(404,))
async def view_certificate(request: web.Request) -> web.Response:
    """Show a certificate by its serial."""
    service = request.app[CERTIFICATE_SERVICE]
    certificate = await service.view(request[CALLER], request.match_info["serial"])
    return json_response(certificate_body(certificate, service.chain))


@routes.delete("/certs/{id}")
@operation(scope="certs:write", answer=RevokedBody, errors=(404,))
async def revoke_certificates(request: web.Request) -> web.Response:
    """Revoke a certificate by its serial, or all of a thing by the thing's id."""
    moment = await request.app[CERTIFICATE_SERVICE].revoke(
        request[CALLER], request.match_info["id"]
    )
    return json_response(RevokedBody(revocation_time=timestamp(moment.replace(microsecond=0))))


@routes.post("/certs/{serial}/renew")
@operation(
    scope="certs:write",
    body=RenewBody,
    body_required=False,
    answer=CertificateBody,
    status=201,
    errors=(403, 404, 409),
)
async def renew_certificate(request: web.Request) -> web.Response:
    """Issue a successor; the certificate stays good for a while longer."""
    body = await read_json(request, RenewBody) if request.body_exists else RenewBody()
    service = request.app[CERTIFICATE_SERVICE]
    issued = await service.renew(
        request[CALLER],
        request.match_info["serial"],
        wish_from(body, request.app[USUAL_KEY_KIND]),
    )
    serial = issued.certificate.serial.hex(":")
    return json_response(
        issued_body(issued, service.chain), status=201, headers={"Location": f"/certs/{serial}"}
    )


@routes.get("/serials/{thing_id}")
@operation(scope="certs:read", query=Page, answer=SerialsPage)
async def list_serials(request: web.Request) -> web.Response:
    """List the certificates of a thing that are not revoked, by expiry."""
    page = read_query(request, Page)
    total, certificates = await request.app[CERTIFICATE_SERVICE].list_of_thing(
        request[CALLER], request.match_info["thing_id"], page
    )
    return json_response(serials_page(total, page, certificates))
