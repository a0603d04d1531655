"""`/layouts`: what a gateway can be set up by."""

from __future__ import annotations

from typing import Literal

import msgspec
from aiohttp import web

from services.provision.domain import DEFAULT_LAYOUT, CertificateWish, Layout
from services.provision.handlers.keys import LAYOUTS
from shared.contracts.provision import (
    LayoutBody,
    LayoutCertificateBody,
    LayoutChannelBody,
    LayoutsPage,
    LayoutSummaryBody,
    LayoutThingBody,
)
from shared.http.body import path_tail, read_query
from shared.http.operation import operation
from shared.http.paging import Page
from shared.http.responses import json_response

routes = web.RouteTableDef()

_PREFIX = "/layouts/"


@routes.get("/layouts")
@operation(scope="provision:read", query=Page, answer=LayoutsPage)
async def list_layouts(request: web.Request) -> web.Response:
    """List the layouts that a mapping can ask for by name."""
    query = read_query(request, Page)
    total, layouts = request.app[LAYOUTS].list_page(query.offset, query.limit)
    return json_response(
        LayoutsPage(
            total=total,
            offset=query.offset,
            limit=query.limit,
            layouts=[_summary(layout) for layout in layouts],
        )
    )


@routes.get("/layouts/{name:.+}")
@operation(scope="provision:read", answer=LayoutBody, errors=(404,))
async def show_layout(request: web.Request) -> web.Response:
    """Show a layout: what every gateway set up by it gets."""
    layout = request.app[LAYOUTS].find(path_tail(request, _PREFIX))
    return json_response(_body(layout))


def _summary(layout: Layout) -> LayoutSummaryBody:
    return LayoutSummaryBody(
        name=layout.name,
        version=layout.version,
        things=len(layout.things),
        channels=len(layout.channels),
        source=_source(layout),
    )


def _body(layout: Layout) -> LayoutBody:
    return LayoutBody(
        name=layout.name,
        version=layout.version,
        source=_source(layout),
        template=layout.is_template,
        provision=layout.makes_config,
        autowhite_list=layout.whitelists,
        cert_ttl=layout.certificate_ttl,
        things=[
            LayoutThingBody(
                name=thing.name,
                alias=thing.alias,
                metadata=thing.metadata,
                tags=list(thing.tags),
                connect=None if thing.connect is None else list(thing.connect),
                certificate=_certificate(thing.certificate),
            )
            for thing in layout.things
        ],
        channels=[
            LayoutChannelBody(name=channel.name, alias=channel.alias, metadata=channel.metadata)
            for channel in layout.channels
        ],
        content=layout.content,
    )


def _certificate(wish: CertificateWish) -> LayoutCertificateBody | None:
    if wish == CertificateWish():
        return None
    return msgspec.convert(wish, LayoutCertificateBody, from_attributes=True)


def _source(layout: Layout) -> Literal["default", "folder"]:
    return "default" if layout.name == DEFAULT_LAYOUT else "folder"
