"""Sets of mappings over HTTP, for the mapping service alone."""

from __future__ import annotations

from aiohttp import web

from services.things.handlers.answers import set_state_body
from services.things.handlers.keys import SET_SERVICE
from services.things.handlers.reading import set_draft
from shared.clock import timestamp
from shared.contracts.things import (
    AppliedSetsBody,
    EntitySetsBody,
    SetStateBody,
    WithdrawSetBody,
)
from shared.http.auth import CALLER
from shared.http.body import path_uuid, read_json
from shared.http.operation import BULK_LIMIT_BYTES, Access, operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()


@routes.get("/internal/sets/{mapping_id}")
@operation(access=Access.SERVICE, answer=SetStateBody, errors=(403, 404))
async def view_set(request: web.Request) -> web.Response:
    """Show what there is of a mapping's entities now, with current secrets."""
    state = await request.app[SET_SERVICE].view(request[CALLER], path_uuid(request, "mapping_id"))
    return json_response(set_state_body(state))


@routes.put("/internal/sets")
@operation(
    access=Access.SERVICE,
    body=EntitySetsBody,
    answer=AppliedSetsBody,
    errors=(403, 409),
    limit_bytes=BULK_LIMIT_BYTES,
)
async def apply_sets(request: web.Request) -> web.Response:
    """Make mappings' things, channels and connections, of each all or none."""
    body = await read_json(request, EntitySetsBody)
    made = await request.app[SET_SERVICE].apply(
        request[CALLER],
        {mapping_id: set_draft(entities) for mapping_id, entities in body.sets.items()},
    )
    return json_response(
        AppliedSetsBody({mapping_id: timestamp(moment) for mapping_id, moment in made.items()})
    )


@routes.delete("/internal/sets/{mapping_id}")
@operation(access=Access.SERVICE, body=WithdrawSetBody, status=204, errors=(403, 404, 409))
async def withdraw_set(request: web.Request) -> web.Response:
    """Remove a mapping's entities, and keep them from being made later."""
    body = await read_json(request, WithdrawSetBody)
    await request.app[SET_SERVICE].withdraw(
        request[CALLER],
        path_uuid(request, "mapping_id"),
        thing_ids=body.things,
        channel_ids=body.channels,
    )
    return no_content()
