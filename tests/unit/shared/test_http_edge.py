"""What every route does before and after its handler, on an application without any service."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from msgspec import Meta, Struct
from pytest_aiohttp.plugin import AiohttpClient

from shared.errors import Unauthenticated, Unavailable
from shared.http.app import add_routes, new_application
from shared.http.auth import CALLER, VERIFIER, Caller
from shared.http.body import path_tail, path_uuid, read_json, read_query
from shared.http.operation import Access, operation
from shared.http.paging import Page
from shared.http.responses import json_response
from shared.settings import ServiceSettings

USER = UUID(int=1)
Client = TestClient[web.Request, web.Application]


class EchoBody(Struct):
    name: str
    metadata: dict[str, Any] = {}


class ItemsQuery(Page, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="Exact.")] = ""


class KnownTokens:
    async def verify(self, token: str) -> Caller:
        if token == "good":
            return Caller(user_id=USER)
        if token.startswith("key-for-"):
            scopes = frozenset([token.removeprefix("key-for-")])
            return Caller(user_id=USER, is_key=True, scopes=scopes)
        raise Unauthenticated


routes = web.RouteTableDef()


@routes.post("/echo")
@operation(access=Access.PUBLIC, body=EchoBody, answer=EchoBody, limit_bytes=1000)
async def echo(request: web.Request) -> web.Response:
    """Answer what came."""
    return json_response(await read_json(request, EchoBody))


@routes.get("/items")
@operation(scope="things:read", query=ItemsQuery)
async def list_items(request: web.Request) -> web.Response:
    """Answer the query."""
    return json_response(read_query(request, ItemsQuery))


@routes.get("/items/{id}")
@operation(access=Access.PUBLIC)
async def show_item(request: web.Request) -> web.Response:
    """Answer the id."""
    return json_response({"id": path_uuid(request, "id")})


@routes.get("/tail/{rest:.*}")
@operation(access=Access.PUBLIC)
async def show_tail(request: web.Request) -> web.Response:
    """Answer the rest of the path."""
    return json_response({"tail": path_tail(request, "/tail/")})


@routes.get("/profile")
@operation()
async def show_profile(request: web.Request) -> web.Response:
    """Answer who calls."""
    return json_response({"user_id": request[CALLER].user_id})


@routes.get("/internal/only")
@operation(access=Access.SERVICE)
async def serve_a_service(request: web.Request) -> web.Response:
    """For services."""
    return json_response({})


@routes.get("/down")
@operation(access=Access.PUBLIC)
async def be_down(request: web.Request) -> web.Response:
    """Something that is needed does not answer."""
    raise Unavailable("things does not answer", retry_after_seconds=3)


@routes.get("/bug")
@operation(access=Access.PUBLIC)
async def be_broken(request: web.Request) -> web.Response:
    """A fault of our own."""
    raise RuntimeError("SELECT secret FROM inside")


@pytest.fixture
async def api(aiohttp_client: AiohttpClient) -> Client:
    settings = ServiceSettings(http_port=1, log_level="error")
    app = new_application("sample", settings)
    app[VERIFIER] = KnownTokens()
    add_routes(app, service="sample", purpose="A sample.", settings=settings, tables=[routes])
    return await aiohttp_client(app)


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed JSON"),
        (b"{", "malformed JSON"),
        (b'{"name":"a"} tail', "malformed JSON"),
        (b"null", "Expected `object`, got `null`"),
        (b'{"name":1}', "Expected `str`, got `int` - at `$.name`"),
        (b'{"name":"a\\u0000b"}', "NUL character in a string"),
        (b'{"name":"a","metadata":{"k":["\\u0000"]}}', "NUL character in a string"),
        (b'{"name":"\\ud800"}', "malformed JSON"),
        (b'{"name":"\xff"}', "malformed JSON"),
        (b'{"name":"a","metadata":' + b'{"k":' * 150, "malformed JSON"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(api: Client, body: bytes, reason: str) -> None:
    response = await api.post("/echo", data=body, headers=JSON)

    problem = await response.json()
    assert response.status == 400
    assert problem["error"] == reason
    assert problem["message"] == "something went wrong with the request"
    assert problem["code"] == "invalid_input"


async def test_six_characters_that_only_look_like_nul_are_text(api: Client) -> None:
    response = await api.post("/echo", data=b'{"name":"\\\\u0000"}', headers=JSON)

    assert (await response.json())["name"] == "\\u0000"


@pytest.mark.parametrize("depth", [100, 100_000])
async def test_nesting_of_any_depth_is_no_fault(api: Client, depth: int) -> None:
    body = b'{"name":"a","metadata":{"k":' + b"[" * depth + b"]" * depth + b"}}"

    response = await api.post("/echo", data=body, headers=JSON)

    assert response.status in (200, 400, 413)


async def test_unknown_members_are_ignored(api: Client) -> None:
    response = await api.post("/echo", json={"name": "a", "created_at": "0001-01-01T00:00:00Z"})

    assert response.status == 200


async def test_a_content_type_with_parameters_is_accepted(api: Client) -> None:
    response = await api.post(
        "/echo", data=b'{"name":"a"}', headers={"Content-Type": "application/json; charset=utf-8"}
    )

    assert response.status == 200


async def test_another_content_type_is_415(api: Client) -> None:
    response = await api.post("/echo", data=b"{}", headers={"Content-Type": "text/plain"})

    assert response.status == 415
    assert (await response.json())["error"] == "unsupported content type"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_routes_limit_is_413(api: Client, *, chunked: bool) -> None:
    async def parts() -> Any:
        for _ in range(20):
            yield b" " * 100

    data = parts() if chunked else b" " * 2000

    response = await api.post("/echo", data=data, headers=JSON)

    assert response.status == 413
    assert (await response.json())["message"] == "something went wrong with the request"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=abc",
        "limit=",
        "limit=1&limit=2",
        "offset=-1",
        "offset=1e3",
        "offset=9223372036854775808",
        "name=%00",
    ],
)
async def test_a_query_that_does_not_fit_is_refused(api: Client, query: str) -> None:
    response = await api.get(f"/items?{query}", headers={"Authorization": "Bearer good"})

    assert response.status == 400


async def test_a_query_has_defaults_and_ignores_strangers(api: Client) -> None:
    response = await api.get("/items?color=red", headers={"Authorization": "Bearer good"})

    assert await response.json() == {"offset": 0, "limit": 10, "name": ""}


@pytest.mark.parametrize("text", ["1", "not-an-id", "{00000000-0000-0000-0000-000000000001}"])
async def test_an_id_that_can_belong_to_nothing_is_404(api: Client, text: str) -> None:
    response = await api.get(f"/items/{text}")

    assert response.status == 404
    assert (await response.json())["message"] == "entity not found"


@pytest.mark.parametrize(
    ("path", "tail"), [("a%3Ab", "a:b"), ("a%2Fb", "a/b"), ("a/b", "a/b"), ("%C3%A4%20x", "ä x")]
)
async def test_the_rest_of_a_path_is_decoded_once(api: Client, path: str, tail: str) -> None:
    from yarl import URL

    response = await api.get(URL(f"/tail/{path}", encoded=True))

    assert await response.json() == {"tail": tail}


@pytest.mark.parametrize("header", ["Bearer good", "good"])
async def test_a_user_is_known_by_bearer_or_bare_token(api: Client, header: str) -> None:
    response = await api.get("/profile", headers={"Authorization": header})

    assert await response.json() == {"user_id": str(USER)}


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer ", "Bearer  good", "bearer good", "Thing good", "Basic good", "Bearer bad"],
)
async def test_anything_else_is_401_with_a_json_body(api: Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    response = await api.get("/profile", headers=headers)

    problem = await response.json()
    assert response.status == 401
    assert problem["message"] == "failed to perform authentication over the entity"
    assert set(problem) == {"error", "message", "code", "request_id"}


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("key-for-things:read", 200),
        ("key-for-things:*", 200),
        ("key-for-things:write", 403),
        ("key-for-channels:*", 403),
    ],
)
async def test_an_api_key_is_good_for_its_scopes_alone(api: Client, key: str, status: int) -> None:
    response = await api.get("/items", headers={"Authorization": f"Bearer {key}"})

    assert response.status == status


async def test_an_api_key_is_not_let_into_what_names_no_scope(api: Client) -> None:
    response = await api.get("/profile", headers={"Authorization": "Bearer key-for-users:*"})

    assert response.status == 403


async def test_a_user_is_not_let_into_what_is_for_services(api: Client) -> None:
    response = await api.get("/internal/only", headers={"Authorization": "Bearer good"})

    assert response.status == 403


async def test_an_unknown_path_is_404_and_another_method_405_in_the_same_shape(
    api: Client,
) -> None:
    missing, other = await api.get("/nowhere"), await api.delete("/echo")

    assert missing.status == 404
    assert (await missing.json())["message"] == "entity not found"
    assert other.status == 405
    assert other.headers["Allow"] == "POST"
    assert (await other.json())["code"] == "method_not_allowed"


async def test_what_is_down_is_503_and_says_when_to_come_back(api: Client) -> None:
    response = await api.get("/down")

    assert response.status == 503
    assert response.headers["Retry-After"] == "3"


async def test_a_fault_of_our_own_tells_nothing_from_inside(api: Client) -> None:
    response = await api.get("/bug")

    text = await response.text()
    assert response.status == 500
    assert "SELECT" not in text
    assert "RuntimeError" not in text


async def test_a_request_id_is_kept_if_it_is_harmless_and_made_otherwise(api: Client) -> None:
    kept = await api.get("/down", headers={"X-Request-Id": "abc-123"})
    made = await api.get("/down", headers={"X-Request-Id": 'x"} {"event":"forged'})

    assert kept.headers["X-Request-Id"] == "abc-123"
    assert (await kept.json())["request_id"] == "abc-123"
    assert "forged" not in made.headers["X-Request-Id"]


async def test_the_description_lists_public_routes_only(api: Client) -> None:
    response = await api.get("/openapi.json")

    description = await response.json()
    assert description["openapi"] == "3.1.0"
    assert "/echo" in description["paths"]
    assert "/internal/only" not in description["paths"]


async def test_the_page_of_the_description_needs_nothing_from_elsewhere(api: Client) -> None:
    response = await api.get("/docs")

    page = await response.text()
    assert response.status == 200
    assert "Answer what came." in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


async def test_health_has_the_documented_shape(api: Client) -> None:
    response = await api.get("/health")

    assert response.content_type == "application/health+json"
    body = await response.json()
    assert body["status"] == "pass"
    assert body["description"] == "sample service"
    assert set(body) == {"status", "version", "commit", "description", "build_time", "instance_id"}
