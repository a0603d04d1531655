"""What anybody may know: the authority's certificates, and which of its own are revoked."""

from __future__ import annotations

import binascii
from base64 import b64decode

from aiohttp import web

from services.certs.handlers.bodies import list_pem_of
from services.certs.handlers.keys import STATUS_SERVICE
from shared.contracts.certs import FormatQuery
from shared.errors import InvalidInput
from shared.http.body import path_tail, read_bytes, read_query
from shared.http.operation import Access, operation

routes = web.RouteTableDef()

_PEM = "application/x-pem-file"
_OCSP_PREFIX = "/ocsp/"
_OCSP_LIMIT_BYTES = 16 << 10


@routes.get("/ca")
@operation(access=Access.PUBLIC, query=FormatQuery)
async def show_authority(request: web.Request) -> web.Response:
    """The authority's certificate with those above it as PEM, or it alone as DER."""
    query = read_query(request, FormatQuery)
    service = request.app[STATUS_SERVICE]
    if query.format == "der":
        return web.Response(body=service.certificate, content_type="application/pkix-cert")
    return web.Response(text=service.chain, content_type=_PEM)


@routes.get("/crl")
@operation(access=Access.PUBLIC, query=FormatQuery)
async def show_revocation_list(request: web.Request) -> web.Response:
    """The revocation list as DER, or as PEM."""
    query = read_query(request, FormatQuery)
    content = await request.app[STATUS_SERVICE].revocation_list()
    if query.format == "pem":
        return web.Response(body=list_pem_of(content), content_type=_PEM)
    return web.Response(body=content, content_type="application/pkix-crl")


@routes.post("/ocsp")
@operation(access=Access.PUBLIC, errors=(413,), limit_bytes=_OCSP_LIMIT_BYTES)
async def answer_ocsp(request: web.Request) -> web.Response:
    """Tell whether a certificate is good (RFC 6960)."""
    return await _answer(request, await read_bytes(request))


@routes.get("/ocsp/{question:.+}")
@operation(access=Access.PUBLIC, errors=(400,))
async def answer_ocsp_by_path(request: web.Request) -> web.Response:
    """The same with the question in the path, in base64."""
    return await _answer(request, _from_base64(path_tail(request, _OCSP_PREFIX)))


async def _answer(request: web.Request, question: bytes) -> web.Response:
    answer = await request.app[STATUS_SERVICE].answer(question)
    return web.Response(
        body=answer,
        content_type="application/ocsp-response",
        headers={"Cache-Control": "no-store"},
    )


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("not base64") from None
