"""What holds for every route alike: tokens, content types, limits, methods."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from shared.http.operation import Access, Operation
from shared.http.paging import Page
from tests.integration.users.conftest import Account, Api
from tests.integration.users.groups import new_group

Route = tuple[str, str]


def routes_of(api: Api, is_wanted: Callable[[Operation], bool]) -> list[Route]:
    """Methods and paths of the routes whose promise is wanted."""
    return [
        (route.method, route.resource.canonical)
        for route in api.app.router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and (promise := getattr(route.handler, "__operation__", None)) is not None
        and is_wanted(promise)
    ]


def filled(path: str, word: str) -> str:
    """A path with its ids."""
    return re.sub(r"\{\w+\}", word, path)


def is_list(promise: Operation) -> bool:
    """Whether a route answers in pages."""
    return promise.query is not None and issubclass(promise.query, Page)


async def test_every_route_for_users_wants_a_living_access_token(
    users_api: Api, alice: Account
) -> None:
    routes = routes_of(users_api, lambda promise: promise.access is Access.USER)
    headers = [None, "", "Bearer ", "Bearer garbage", "Basic YTpi", f"Bearer {alice.refresh_token}"]

    for method, path in routes:
        for header in headers:
            response = await users_api.request(
                method,
                filled(path, alice.id),
                json={},
                headers={} if header is None else {"Authorization": header},
            )
            body = await response.json()
            assert response.status == 401, (method, path, header)
            assert body["message"] == "failed to perform authentication over the entity"
    assert len(routes) > 25


async def test_every_body_is_declared_as_json(users_api: Api, alice: Account) -> None:
    routes = routes_of(
        users_api, lambda promise: promise.body is not None and not promise.is_internal
    )

    for method, path in routes:
        for kind in ({}, {"Content-Type": "text/plain"}):
            response = await users_api.request(
                method, filled(path, alice.id), data=b"{}", headers=alice.headers | kind
            )
            assert response.status == 415, (method, path)
        broken = await users_api.request(
            method,
            filled(path, alice.id),
            data=b"{",
            headers=alice.headers | {"Content-Type": "application/json; charset=utf-8"},
        )
        assert broken.status == 400, (method, path)
    assert len(routes) > 14


async def test_every_list_has_its_limits(users_api: Api, alice: Account) -> None:
    group = await new_group(users_api, alice, uuid4().hex)
    bad = ["limit=0", "limit=101", "limit=-1", "limit=abc", "limit=", "limit=1.5"]
    bad += ["limit=9223372036854775808", "limit=1&limit=2", "offset=-1", "offset=x", "offset="]
    paths = [
        filled(path, group if "groups" in path else alice.id)
        for _, path in routes_of(users_api, is_list)
    ]

    for path in paths:
        for query in bad:
            response = await users_api.get(f"{path}?{query}", headers=alice.headers)
            assert response.status == 400, (path, query)
            assert (await response.json())["message"] == "something went wrong with the request"
        beyond = await users_api.get(f"{path}?limit=100&offset=1000000", headers=alice.headers)
        page = await beyond.json()
        assert (beyond.status, page["limit"], page["offset"]) == (200, 100, 1_000_000)
        assert next(value for value in page.values() if isinstance(value, list)) == []
    assert len(paths) == 8


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/users", ["status=x", "visibility=x", "metadata=[]", "metadata=x", "name=%00"]),
        ("/groups/{group}/members", ["status=x", "visibility=x", "metadata=1", "tag=%00"]),
        ("/groups", ["status=x", "metadata=[]", "level=6", "level=-1", "dir=-2", "dir=x"]),
        ("/groups", ["parent_id=x", "tree=perhaps", "status=all&status=all", "owner_id=x"]),
        ("/groups/{group}/children", ["level=6", "metadata=x", "dir=x", "tree=x"]),
        ("/groups/{group}/parents", ["level=6", "metadata=x", "status=x"]),
        ("/users/{me}/memberships", ["level=6", "metadata=x", "status=x", "tree=x"]),
        ("/policies", ["action=fly", "subject=x", "object=x", "owner_id=x"]),
    ],
)
async def test_filters_that_cannot_be_are_malformed(
    users_api: Api, alice: Account, path: str, queries: list[str]
) -> None:
    words = {"me": alice.id, "group": await new_group(users_api, alice, uuid4().hex)}

    for query in queries:
        response = await users_api.get(f"{path.format(**words)}?{query}", headers=alice.headers)
        assert response.status == 400, query


async def test_other_methods_are_not_allowed(users_api: Api) -> None:
    for method, path in [
        ("PUT", "/users"),
        ("DELETE", "/groups"),
        ("GET", "/users/tokens/issue"),
        ("POST", "/password/reset"),
        ("PATCH", "/policies"),
    ]:
        response = await users_api.request(method, path)
        assert response.status == 405, path
        assert response.content_type == "application/json"
        assert response.headers["Allow"]


async def test_unknown_paths_are_not_found(users_api: Api) -> None:
    for path in ("/users/", "/nothing", f"/users/{uuid4()}/x", "/groups/", "/policies/x"):
        response = await users_api.get(path)
        assert response.status == 404, path
        assert response.content_type == "application/json"


async def test_ids_nobody_has_are_hidden_from_users_and_told_to_admins(
    users_api: Api, alice: Account, admin: Account
) -> None:
    routes: list[tuple[str, str, Any]] = [
        ("GET", "/users/{}", None),
        ("PATCH", "/users/{}", {}),
        ("PATCH", "/users/{}/tags", {}),
        ("PATCH", "/users/{}/identity", {"identity": "x@example.com"}),
        ("PATCH", "/users/{}/owner", {"owner": alice.id}),
        ("POST", "/users/{}/enable", None),
        ("POST", "/users/{}/disable", None),
        ("GET", "/groups/{}", None),
        ("PUT", "/groups/{}", {}),
        ("POST", "/groups/{}/enable", None),
        ("POST", "/groups/{}/disable", None),
        ("GET", "/groups/{}/members", None),
        ("GET", "/groups/{}/children", None),
        ("GET", "/groups/{}/parents", None),
    ]

    for method, path, body in routes:
        for who, word, status in [
            (alice, str(uuid4()), 403),
            (admin, str(uuid4()), 404),
            (admin, "not-an-id", 404),
        ]:
            response = await users_api.request(
                method, path.format(word), json=body, headers=who.headers
            )
            assert response.status == status, (method, path, word)
