"""`GET /users`."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.integration.users.conftest import SECRET, Account, Api, sign_up

CHILDREN: list[dict[str, object]] = [
    {"name": "one", "tags": ["a"], "metadata": {"k": {"x": 1, "y": 2}, "l": [1, 2, 3]}},
    {"name": "two", "tags": ["a", "b"], "metadata": {"k": {"x": 1}}},
    {"name": "One", "status": "disabled"},
]


async def names(api: Api, caller: Account, query: str) -> list[str]:
    """Names of the accounts a list shows, which must be as many as its total says."""
    response = await api.get(f"/users?{query}", headers=caller.headers)
    body = await response.json()
    assert response.status == 200, body
    assert body["total"] == len(body["users"])
    return [user.get("name", "") for user in body["users"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parent(users_api: Api) -> Account:
    """Somebody who owns three accounts."""
    parent = await sign_up(users_api, name="Parent")
    for number, child in enumerate(CHILDREN):
        credentials = {"identity": f"Child{number}@example.com", "secret": SECRET}
        made = await users_api.post(
            "/users", json=child | {"credentials": credentials}, headers=parent.headers
        )
        assert made.status == 201
    return parent


async def test_a_page_is_answered_as_documented(users_api: Api, parent: Account) -> None:
    response = await users_api.get("/users", headers=parent.headers)

    body = await response.json()
    assert response.status == 200
    assert body.keys() == {"limit", "offset", "total", "users"}
    assert (body["limit"], body["offset"], body["total"]) == (10, 0, 2)
    assert [user["name"] for user in body["users"]] == ["one", "two"]
    assert body["users"][0]["credentials"] == {"identity": "Child0@example.com"}
    assert body["users"][0]["owner"] == parent.id


async def test_an_empty_list_is_a_list(users_api: Api, bob: Account) -> None:
    response = await users_api.get("/users", headers=bob.headers)

    assert await response.json() == {"limit": 10, "offset": 0, "total": 0, "users": []}


async def test_pages_follow_each_other(users_api: Api, parent: Account) -> None:
    pages = [
        await (
            await users_api.get(
                f"/users?status=all&limit=1&offset={offset}", headers=parent.headers
            )
        ).json()
        for offset in range(4)
    ]

    assert [page["total"] for page in pages] == [3, 3, 3, 3]
    assert [page["offset"] for page in pages] == [0, 1, 2, 3]
    assert [[user["name"] for user in page["users"]] for page in pages] == [
        ["one"],
        ["two"],
        ["One"],
        [],
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=one", ["one"]),
        ("name=%22one%22", ["one"]),
        ('name="one"', ["one"]),
        ("name=on", []),
        ("name=%25", []),
        ("name=%FF", []),
        ("identity=Child1@example.com", ["two"]),
        ("identity=child1@EXAMPLE.com", ["two"]),
        ("identity=child", []),
        ("tag=a", ["one", "two"]),
        ("tag=b", ["two"]),
        ("tag=A", []),
        ("status=", ["one", "two"]),
        ("status=enabled", ["one", "two"]),
        ("status=disabled", ["One"]),
        ("status=all", ["one", "two", "One"]),
        ("visibility=", ["one", "two"]),
        ("visibility=mine", ["one", "two"]),
        ("visibility=all", ["one", "two"]),
        ("visibility=shared", []),
        ("owner_id=not-an-id", ["one", "two"]),
        ("tag=a&name=two&status=all", ["two"]),
        ("unknown=1", ["one", "two"]),
    ],
)
async def test_filters(users_api: Api, parent: Account, query: str, expected: list[str]) -> None:
    assert await names(users_api, parent, query) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["one", "two"]),
        ({"k": {"x": 1}}, ["one", "two"]),
        ({"k": {"y": 2}}, ["one"]),
        ({"l": [3, 1]}, ["one"]),
        ({"l": [4]}, []),
        ({"k": 1}, []),
    ],
)
async def test_metadata_is_matched_by_containment(
    users_api: Api, parent: Account, wanted: object, expected: list[str]
) -> None:
    query = f"metadata={quote(json.dumps(wanted))}"

    assert await names(users_api, parent, query) == expected


async def test_an_admin_sees_everybody(users_api: Api, parent: Account, admin: Account) -> None:
    for query in ("limit=100", "limit=100&visibility=all"):
        assert {"admin", "Parent", "one", "two"} <= set(await names(users_api, admin, query))
    assert await names(users_api, admin, "visibility=mine") == []
    assert await names(users_api, admin, "visibility=shared") == []


async def test_an_admin_asks_for_an_owner(users_api: Api, parent: Account, admin: Account) -> None:
    assert await names(users_api, admin, f"owner_id={parent.id}") == ["one", "two"]
    assert await names(users_api, admin, f"owner_id={parent.id}&visibility=mine") == []


async def test_an_owner_is_not_heard_from_others(
    users_api: Api, parent: Account, bob: Account
) -> None:
    assert await names(users_api, bob, f"owner_id={parent.id}") == []


@pytest.mark.parametrize(
    "query",
    [
        "offset=9223372036854775808",
        "status=foo",
        "status=all&status=all",
        "visibility=theirs",
        "metadata={",
        "metadata=[]",
        "metadata=1",
        "metadata=null",
        "metadata=%7B%22a%22%3A%22%5Cu0000%22%7D",
        "name=%00",
        "tag=%00",
        "identity=%00",
    ],
)
async def test_a_query_that_cannot_be_is_malformed(
    users_api: Api, alice: Account, query: str
) -> None:
    response = await users_api.get(f"/users?{query}", headers=alice.headers)

    assert response.status == 400
    assert (await response.json())["message"] == "something went wrong with the request"


async def test_an_owner_who_has_no_id_is_malformed(users_api: Api, admin: Account) -> None:
    response = await users_api.get("/users?owner_id=nobody", headers=admin.headers)

    assert response.status == 400


async def test_the_largest_offset_is_an_empty_page(users_api: Api, parent: Account) -> None:
    response = await users_api.get(f"/users?limit=100&offset={2**63 - 1}", headers=parent.headers)

    body = await response.json()
    assert (body["total"], body["users"]) == (2, [])
