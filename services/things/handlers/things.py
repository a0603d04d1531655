"""Things over HTTP."""

from __future__ import annotations

from aiohttp import web

from services.things.domain import ThingChange
from services.things.handlers.answers import thing_body
from services.things.handlers.keys import THING_SERVICE
from services.things.handlers.reading import (
    filter_of,
    name_of,
    require_bulk,
    secret_of,
    thing_draft,
)
from shared.contracts.common import Status
from shared.contracts.things import (
    CreateThingBody,
    IdentifiedBody,
    KeyBody,
    OwnerBody,
    SecretBody,
    TagsBody,
    ThingBody,
    ThingsBody,
    ThingsPage,
    ThingsQuery,
    UpdateThingBody,
)
from shared.http.auth import CALLER, device_key
from shared.http.body import path_uuid, read_json, read_query
from shared.http.operation import BULK_LIMIT_BYTES, Access, operation
from shared.http.responses import json_response, no_content
from shared.metadata import metadata_object

routes = web.RouteTableDef()


@routes.post("/things")
@operation(scope="things:write", body=CreateThingBody, answer=ThingBody, status=201, errors=(409,))
async def create_thing(request: web.Request) -> web.Response:
    """Register a thing for the caller."""
    body = await read_json(request, CreateThingBody)
    (thing,) = await request.app[THING_SERVICE].create(request[CALLER], [thing_draft(body)])
    return json_response(thing_body(thing), status=201, headers={"Location": f"/things/{thing.id}"})


@routes.post("/things/bulk")
@operation(
    scope="things:write",
    body=list[CreateThingBody],
    answer=ThingsBody,
    errors=(409,),
    limit_bytes=BULK_LIMIT_BYTES,
)
async def create_things(request: web.Request) -> web.Response:
    """Register many things for the caller, all or none."""
    bodies = await read_json(request, list[CreateThingBody])
    require_bulk(bodies)
    things = await request.app[THING_SERVICE].create(
        request[CALLER], [thing_draft(body) for body in bodies]
    )
    return json_response(
        ThingsBody(total=len(things), things=[thing_body(thing) for thing in things])
    )


@routes.get("/things/{thing_id}")
@operation(scope="things:read", answer=ThingBody, errors=(404,))
async def view_thing(request: web.Request) -> web.Response:
    """Show a thing."""
    thing = await request.app[THING_SERVICE].view(request[CALLER], path_uuid(request, "thing_id"))
    return json_response(thing_body(thing))


@routes.get("/things")
@operation(scope="things:read", query=ThingsQuery, answer=ThingsPage)
async def list_things(request: web.Request) -> web.Response:
    """List the caller's things; an admin's list shows everybody's."""
    query = read_query(request, ThingsQuery)
    total, things = await request.app[THING_SERVICE].list_page(
        request[CALLER],
        filter_of(status=query.status, metadata=query.metadata, name=query.name, tag=query.tag),
        query,
        visibility=query.visibility,
        owner=query.owner_id,
    )
    return json_response(
        ThingsPage(
            limit=query.limit,
            offset=query.offset,
            total=total,
            things=[thing_body(thing) for thing in things],
        )
    )


@routes.patch("/things/{thing_id}")
@operation(scope="things:write", body=UpdateThingBody, answer=ThingBody, errors=(403, 404))
async def update_thing(request: web.Request) -> web.Response:
    """Change a thing's name or metadata."""
    body = await read_json(request, UpdateThingBody)
    thing = await request.app[THING_SERVICE].update(
        request[CALLER], path_uuid(request, "thing_id"), _change(body)
    )
    return json_response(thing_body(thing))


@routes.put("/things/{thing_id}")
@operation(scope="things:write", body=UpdateThingBody, answer=ThingBody, errors=(403, 404))
async def put_thing(request: web.Request) -> web.Response:
    """Change a thing's name or metadata, as the first clients do."""
    body = await read_json(request, UpdateThingBody)
    thing = await request.app[THING_SERVICE].update(
        request[CALLER], path_uuid(request, "thing_id"), _change(body), hides_unseen=True
    )
    return json_response(thing_body(thing))


@routes.patch("/things/{thing_id}/tags")
@operation(scope="things:write", body=TagsBody, answer=ThingBody, errors=(403, 404))
async def update_thing_tags(request: web.Request) -> web.Response:
    """Replace a thing's tags."""
    body = await read_json(request, TagsBody)
    thing = await request.app[THING_SERVICE].update(
        request[CALLER], path_uuid(request, "thing_id"), ThingChange(tags=body.tags or [])
    )
    return json_response(thing_body(thing))


@routes.patch("/things/{thing_id}/secret")
@operation(scope="things:write", body=SecretBody, answer=ThingBody, errors=(403, 404, 409))
async def update_thing_secret(request: web.Request) -> web.Response:
    """Replace a thing's secret; the one before stops working at once."""
    body = await read_json(request, SecretBody)
    thing = await request.app[THING_SERVICE].update_secret(
        request[CALLER], path_uuid(request, "thing_id"), secret_of(body.secret)
    )
    return json_response(thing_body(thing))


@routes.patch("/things/{thing_id}/key")
@operation(scope="things:write", body=KeyBody, answer=ThingBody, errors=(403, 404, 409))
async def update_thing_key(request: web.Request) -> web.Response:
    """Replace a thing's secret, as the first clients do."""
    body = await read_json(request, KeyBody)
    thing = await request.app[THING_SERVICE].update_secret(
        request[CALLER], path_uuid(request, "thing_id"), secret_of(body.key), hides_unseen=True
    )
    return json_response(thing_body(thing))


@routes.patch("/things/{thing_id}/owner")
@operation(scope="things:write", body=OwnerBody, answer=ThingBody, errors=(403, 404, 503))
async def update_thing_owner(request: web.Request) -> web.Response:
    """Give a thing to another user."""
    body = await read_json(request, OwnerBody)
    thing = await request.app[THING_SERVICE].update_owner(
        request[CALLER], path_uuid(request, "thing_id"), body.owner
    )
    return json_response(thing_body(thing))


@routes.post("/things/{thing_id}/enable")
@operation(scope="things:write", answer=ThingBody, errors=(403, 404, 409))
async def enable_thing(request: web.Request) -> web.Response:
    """Let a thing take part again."""
    thing = await request.app[THING_SERVICE].update_status(
        request[CALLER], path_uuid(request, "thing_id"), Status.ENABLED
    )
    return json_response(thing_body(thing))


@routes.post("/things/{thing_id}/disable")
@operation(scope="things:write", answer=ThingBody, errors=(403, 404, 409))
async def disable_thing(request: web.Request) -> web.Response:
    """Keep a thing from taking part; its secret stops working at once."""
    thing = await request.app[THING_SERVICE].update_status(
        request[CALLER], path_uuid(request, "thing_id"), Status.DISABLED
    )
    return json_response(thing_body(thing))


@routes.delete("/things/{thing_id}")
@operation(scope="things:write", status=204, errors=(404,))
async def delete_thing(request: web.Request) -> web.Response:
    """Remove a thing with its connections."""
    await request.app[THING_SERVICE].delete(request[CALLER], path_uuid(request, "thing_id"))
    return no_content()


@routes.post("/identify")
@operation(access=Access.DEVICE, answer=IdentifiedBody, errors=(404,))
async def identify(request: web.Request) -> web.Response:
    """Tell which thing has the key in `Authorization: Thing <key>`."""
    thing_id = await request.app[THING_SERVICE].identify(device_key(request, schemes=("Thing",)))
    return json_response(IdentifiedBody(thing_id))


def _change(body: UpdateThingBody) -> ThingChange:
    return ThingChange(name=name_of(body.name) or None, metadata=metadata_object(body.metadata))
