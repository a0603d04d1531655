"""OpenAPI 3.1 from the routes' promises and the wire types; served, and shown as a page.

Source: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from msgspec import Struct

from shared.http.health import VERSION
from shared.http.operation import PLAIN, Access, Operation, operation
from shared.http.responses import json_response

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"
DESCRIPTION: web.AppKey[dict[str, Any]] = web.AppKey("openapi", dict)
_REF = "#/components/schemas/{name}"
_PHRASES = {
    400: "The request is malformed.",
    401: "No token, or not a good one.",
    403: "The caller may not do this.",
    404: "Unknown, or hidden from the caller.",
    409: "Taken already, or already so.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    429: "Too many requests.",
    503: "Something that is needed does not answer.",
}
_SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.PUBLIC: [],
    Access.USER: [{"user": []}],
    Access.OPTIONAL_USER: [{}, {"user": []}],
    Access.DEVICE: [{"device": []}],
    Access.SERVICE: [{"service": []}],
    Access.INTERNAL: [],
}


class ProblemBody(Struct, frozen=True, omit_defaults=True):
    """What every failure answers."""

    error: str
    message: str
    code: str
    request_id: str
    details: dict[str, Any] = {}


def describe_api(app: web.Application, service: str, purpose: str) -> dict[str, Any]:
    """Make the description of an application's routes, internal ones left out."""
    operations = [
        (route.method, _path(route.resource.canonical), route.handler, found)
        for route in app.router.routes()
        if route.method != "HEAD"
        and route.resource is not None
        and (found := getattr(route.handler, "__operation__", PLAIN)) is not PLAIN
        and not found.is_internal
    ]
    kinds = [ProblemBody]
    for _, _, _, promise in operations:
        kinds += [kind for kind in (promise.body, promise.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_kind = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    operation_ids: set[str] = set()
    for method, path, handler, promise in operations:
        described = _operation(path, handler, promise, by_kind)
        if described["operationId"] in operation_ids:  # one handler, several methods
            described["operationId"] += f"_by_{method.lower()}"
        operation_ids.add(described["operationId"])
        paths.setdefault(path, {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{service} service", "version": VERSION, "description": purpose},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "user": {"type": "http", "scheme": "bearer"},
                "device": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Thing <key>`",
                },
            },
        },
    }


@operation(access=Access.PUBLIC, answer=dict[str, Any])
async def show_openapi(request: web.Request) -> web.Response:
    """This description."""
    return json_response(request.app[DESCRIPTION])


async def show_docs(request: web.Request) -> web.Response:
    """The description as a page that needs nothing from elsewhere."""
    page = _page().render(api=request.app[DESCRIPTION])
    return web.Response(text=page, content_type="text/html")


@cache
def _page() -> Template:
    from jinja2 import Environment, FileSystemLoader  # who reads the page pays for it

    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True).get_template(
        "api.html"
    )


def _operation(
    path: str, handler: Any, promise: Operation, by_kind: dict[str, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done."}
    if promise.answer is not None:
        answer["content"] = {"application/json": {"schema": by_kind[repr(promise.answer)]}}
    problem = {"application/json": {"schema": by_kind[repr(ProblemBody)]}}
    described: dict[str, Any] = {
        "operationId": handler.__name__,
        "summary": inspect.getdoc(handler) or "",
        "security": _SECURITY[promise.access],
        "parameters": [*_path_parameters(path), *_query_parameters(promise.query)],
        "responses": {
            str(promise.status): answer,
            **{
                str(status): {"description": _PHRASES[status], "content": problem}
                for status in _errors(promise)
            },
        },
    }
    if promise.body is not None:
        described["requestBody"] = {
            "required": promise.body_required,
            "content": {"application/json": {"schema": by_kind[repr(promise.body)]}},
        }
    return described


def _errors(promise: Operation) -> list[int]:
    statuses = set(promise.errors)
    if promise.body is not None:
        statuses |= {400, 413, 415}
    if promise.query is not None:
        statuses.add(400)
    if promise.access is not Access.PUBLIC:
        statuses |= {401, 503}
    return sorted(statuses)


def _path(canonical: str) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", canonical)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(query: type[Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    _, components = msgspec.json.schema_components([query], ref_template=_REF)
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in components[query.__name__]["properties"].items()
    ]
