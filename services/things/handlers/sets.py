"""Sets of mappings over HTTP, for the mapping service alone."""

from __future__ import annotations

from aiohttp import web

from services.things.domain import Withdrawal
from services.things.handlers.answers import set_state_body
from services.things.handlers.keys import SET_SERVICE
from services.things.handlers.reading import set_draft
from shared.clock import timestamp
from shared.contracts.things import (
    AppliedSetsBody,
    EntitySetsBody,
    SetIdsBody,
    SetStatesBody,
    WithdrawSetsBody,
)
from shared.http.auth import CALLER
from shared.http.body import read_json
from shared.http.operation import BULK_LIMIT_BYTES, Access, operation
from shared.http.responses import json_response, no_content

routes = web.RouteTableDef()


@routes.post("/internal/sets/view")
@operation(access=Access.SERVICE, body=SetIdsBody, answer=SetStatesBody, errors=(403,))
async def view_sets(request: web.Request) -> web.Response:
    """Show what there is of mappings' entities now, with current secrets."""
    body = await read_json(request, SetIdsBody)
    states = await request.app[SET_SERVICE].view(request[CALLER], body.mapping_ids)
    return json_response(
        SetStatesBody({mapping_id: set_state_body(state) for mapping_id, state in states.items()})
    )


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


@routes.delete("/internal/sets")
@operation(
    access=Access.SERVICE,
    body=WithdrawSetsBody,
    status=204,
    errors=(403, 409),
    limit_bytes=BULK_LIMIT_BYTES,
)
async def withdraw_sets(request: web.Request) -> web.Response:
    """Remove mappings' entities, and keep them from being made later."""
    body = await read_json(request, WithdrawSetsBody)
    await request.app[SET_SERVICE].withdraw(
        request[CALLER],
        [
            Withdrawal(mapping_id=each.mapping_id, thing_ids=each.things, channel_ids=each.channels)
            for each in body.sets
        ],
    )
    return no_content()
