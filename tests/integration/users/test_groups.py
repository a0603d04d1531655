"""Groups of users and policies: who may do what, as the table of needs says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientResponse

from tests.integration.users.conftest import Account, Api, NewAccount


async def new_group(api: Api, owner: Account, name: str = "g", **members: Any) -> str:
    """A group's id."""
    response = await api.post("/groups", json={"name": name, **members}, headers=owner.headers)
    assert response.status == 201, await response.text()
    group_id: str = (await response.json())["id"]
    assert response.headers["Location"] == f"/groups/{group_id}"
    return group_id


async def allow(
    api: Api, by: Account, subject: Account, group_id: str, *actions: str
) -> ClientResponse:
    """Ask for a policy."""
    body = {"subject": subject.id, "object": group_id, "actions": actions}
    return await api.post("/policies", json=body, headers=by.headers)


async def page_of(api: Api, path: str, who: Account) -> dict[str, Any]:
    """A list."""
    response = await api.get(path, headers=who.headers)
    assert response.status == 200, await response.text()
    page: dict[str, Any] = await response.json()
    return page


NEEDS = [
    ("GET", "/groups/{group}", {}, "g_list"),
    ("GET", "/groups/{group}/members", {}, "g_list"),
    ("GET", "/groups/{group}/children", {}, "g_list"),
    ("PUT", "/groups/{group}", {"name": "other"}, "g_update"),
    ("POST", "/groups/{group}/disable", {}, "g_delete"),
    ("GET", "/users/{member}", {}, "c_list"),
    ("PATCH", "/users/{member}", {"name": "other"}, "c_update"),
    ("PATCH", "/users/{member}/tags", {"tags": ["t"]}, "c_update"),
    ("POST", "/users/{member}/disable", {}, "c_delete"),
]


@pytest.mark.parametrize(("method", "path", "body", "action"), NEEDS)
@pytest.mark.parametrize("who", ["owner", "admin", "holder", "other holder", "member", "stranger"])
async def test_who_may_do_what(
    users_api: Api,
    new_account: NewAccount,
    alice: Account,
    bob: Account,
    admin: Account,
    who: str,
    method: str,
    path: str,
    body: dict[str, Any],
    action: str,
) -> None:
    member = await new_account("member@example.com", by=alice)
    group = await new_group(users_api, alice)
    assert (await allow(users_api, alice, member, group, "m_read")).status == 201
    own = action if who == "holder" else "m_write"
    if who in ("holder", "other holder"):
        assert (await allow(users_api, alice, bob, group, own)).status == 201
    if who == "member":
        bob = await new_account("second@example.com")
        assert (await allow(users_api, alice, bob, group, "m_read")).status == 201
    caller = {"owner": alice, "admin": admin}.get(who, bob)

    response = await users_api.request(
        method,
        path.format(group=group, member=member.id),
        json=body if body else None,
        headers=caller.headers,
    )

    assert response.status == (200 if who in ("owner", "admin", "holder") else 403)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", "/users/{id}", {"name": "taken over"}), ("POST", "/users/{id}/disable", None)],
)
async def test_putting_a_stranger_into_a_group_gives_no_power_over_him(
    users_api: Api, alice: Account, bob: Account, method: str, path: str, body: Any
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, alice, group, "c_update", "c_delete")
    await allow(users_api, alice, bob, group, "g_list")

    response = await users_api.request(
        method, path.format(id=bob.id), json=body, headers=alice.headers
    )

    assert response.status == 403


@pytest.mark.parametrize("what", ["identity", "owner"])
async def test_c_update_takes_over_no_account(
    users_api: Api, new_account: NewAccount, alice: Account, bob: Account, what: str
) -> None:
    member = await new_account("member@example.com", by=alice)
    group = await new_group(users_api, alice)
    await allow(users_api, alice, member, group, "m_read")
    await allow(users_api, alice, bob, group, "c_update", "c_delete", "c_share")
    body = {"identity": "bobs@example.com", "owner": bob.id}

    refused = await users_api.patch(f"/users/{member.id}/{what}", json=body, headers=bob.headers)
    done = await users_api.patch(f"/users/{member.id}/{what}", json=body, headers=alice.headers)

    assert (refused.status, done.status) == (403, 200)


async def test_no_policy_gives_power_over_an_admin(
    users_api: Api, bob: Account, admin: Account
) -> None:
    group = await new_group(users_api, bob)
    await allow(users_api, bob, admin, group, "m_read")
    await allow(users_api, bob, bob, group, "c_delete")

    response = await users_api.post(f"/users/{admin.id}/disable", headers=bob.headers)

    assert response.status == 403


async def test_an_identity_is_an_address_and_taken_once(
    users_api: Api, alice: Account, bob: Account
) -> None:
    path = f"/users/{alice.id}/identity"

    statuses = [
        (await users_api.patch(path, json={"identity": new}, headers=alice.headers)).status
        for new in ("", "no address", "BOB@example.com", "new@example.com")
    ]

    assert statuses == [400, 400, 409, 200]


@pytest.mark.parametrize("owner", ["", "x", "00000000-0000-4000-8000-000000000000"])
async def test_an_owner_must_exist(
    users_api: Api, alice: Account, admin: Account, owner: str
) -> None:
    response = await users_api.patch(
        f"/users/{alice.id}/owner", json={"owner": owner}, headers=admin.headers
    )

    assert response.status == 400


async def test_nobody_gives_himself_away(users_api: Api, alice: Account, bob: Account) -> None:
    response = await users_api.patch(
        f"/users/{alice.id}/owner", json={"owner": bob.id}, headers=alice.headers
    )

    assert response.status == 403


async def test_an_admin_makes_admins_and_their_tokens_of_before_end(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    path, body = f"/users/{alice.id}/role", {"role": "admin"}

    by_bob = await users_api.patch(path, json=body, headers=bob.headers)
    by_admin = await users_api.patch(path, json=body, headers=admin.headers)
    again = await users_api.patch(path, json=body, headers=admin.headers)
    profile = await users_api.get("/users/profile", headers=alice.headers)

    assert (by_bob.status, by_admin.status, again.status, profile.status) == (403, 200, 409, 401)


async def test_a_group_tree_is_walked_both_ways(users_api: Api, alice: Account) -> None:
    top = await new_group(users_api, alice, "top", metadata={"a": {"b": 1}}, description="d")
    middle = await new_group(users_api, alice, "middle", parent_id=top)
    low = await new_group(users_api, alice, "low", parent_id=middle)

    down = await page_of(users_api, f"/groups/{top}/children", alice)
    near = await page_of(users_api, f"/groups/{top}/children?level=1", alice)
    up = await page_of(users_api, f"/groups/{low}/parents", alice)
    tree = await page_of(users_api, "/groups?tree=true", alice)
    found = await page_of(users_api, '/groups?metadata={"a":{"b":1}}', alice)

    assert [(group["id"], group.get("level", 0), group["path"]) for group in down["groups"]] == [
        (top, 0, top),
        (middle, 1, f"{top}.{middle}"),
        (low, 2, f"{top}.{middle}.{low}"),
    ]
    assert [group["id"] for group in near["groups"]] == [top, middle]
    assert {group["id"]: group.get("level", 0) for group in up["groups"]} == {
        top: -2,
        middle: -1,
        low: 0,
    }
    assert (tree["total"], len(tree["groups"])) == (3, 1)
    assert tree["groups"][0]["children"][0]["children"][0]["id"] == low
    assert [group["id"] for group in found["groups"]] == [top]


async def test_a_group_never_stands_in_itself(users_api: Api, alice: Account) -> None:
    top = await new_group(users_api, alice, "top")
    low = await new_group(users_api, alice, "low", parent_id=top)

    for parent in (low, top):
        response = await users_api.put(
            f"/groups/{top}", json={"parent_id": parent}, headers=alice.headers
        )
        assert response.status == 400


async def test_groups_are_refused_for_what_is_wrong_with_them(
    users_api: Api, alice: Account, bob: Account
) -> None:
    foreign = await new_group(users_api, bob, "bobs")
    await new_group(users_api, alice, "taken")
    bodies = [
        ({}, 400),
        ({"name": "x" * 1025}, 400),
        ({"name": "a", "description": "x" * 1025}, 400),
        ({"name": "a", "status": "all"}, 400),
        ({"name": "a", "parent_id": "x"}, 400),
        ({"name": "a", "parent_id": str(uuid4())}, 404),
        ({"name": "a", "parent_id": foreign}, 403),
        ({"name": "taken"}, 409),
        ({"name": "bobs"}, 201),
    ]

    for body, status in bodies:
        response = await users_api.post("/groups", json=body, headers=alice.headers)
        assert response.status == status, body
    assert (await users_api.post("/groups", json={"name": "a"})).status == 401


async def test_the_same_status_again_is_a_conflict(users_api: Api, alice: Account) -> None:
    group = await new_group(users_api, alice)
    path = f"/groups/{group}"

    statuses = [
        (await users_api.post(f"{path}/{word}", headers=alice.headers)).status
        for word in ("enable", "disable", "disable")
    ]
    change = await users_api.put(path, json={"name": "x"}, headers=alice.headers)

    assert (statuses, change.status) == ([409, 200, 409], 404)


@pytest.mark.parametrize("path", ["/groups", "/policies"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=1&limit=2"]
)
async def test_lists_have_limits(users_api: Api, alice: Account, path: str, query: str) -> None:
    assert (await users_api.get(f"{path}?{query}", headers=alice.headers)).status == 400


@pytest.mark.parametrize(
    "query", ["level=6", "level=-1", "dir=-2", "dir=x", "status=x", "metadata=[]", "parent_id=x"]
)
async def test_bad_group_filters_are_refused(users_api: Api, alice: Account, query: str) -> None:
    assert (await users_api.get(f"/groups?{query}", headers=alice.headers)).status == 400


async def test_a_list_of_another_groups_members_is_not_opened_by_any_policy(
    users_api: Api, alice: Account, bob: Account
) -> None:
    open_group = await new_group(users_api, alice, "open")
    closed = await new_group(users_api, alice, "closed")
    await allow(users_api, alice, bob, open_group, "g_list")

    members = await page_of(users_api, f"/groups/{open_group}/members", bob)
    refused = await users_api.get(f"/groups/{closed}/members", headers=bob.headers)

    assert (members["total"], members["members"], refused.status) == (0, [], 403)


async def test_memberships_show_what_the_caller_may_see_once(
    users_api: Api, new_account: NewAccount, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "m_read")
    stranger = await new_account("stranger@example.com")
    path = f"/users/{bob.id}/memberships"

    of_owner = await page_of(users_api, path, alice)
    of_stranger = await page_of(users_api, path, stranger)

    assert [found["id"] for found in of_owner["memberships"]] == [group]
    assert of_stranger == {"limit": 10, "offset": 0, "total": 0, "memberships": []}


async def test_shared_accounts_are_listed_whoever_owns_them(
    users_api: Api, new_account: NewAccount, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "c_list")
    await allow(users_api, alice, alice, group, "m_read")
    child = await new_account("child@example.com", by=bob)

    seen = {
        word: [user["id"] for user in (await page_of(users_api, path, bob))["users"]]
        for word in ("mine", "shared", "all")
        for path in (f"/users?visibility={word}",)
    }

    assert seen == {"mine": [child.id], "shared": [alice.id], "all": [alice.id, child.id]}


async def test_actions_imply_others_when_added_and_not_when_changed(
    users_api: Api, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "m_read", "c_update", "m_read")
    added = (await page_of(users_api, f"/policies?subject={bob.id}", alice))["policies"]
    body = {"subject": bob.id, "object": group, "actions": ["g_update"]}

    changed = await users_api.put("/policies", json=body, headers=alice.headers)
    after = (await page_of(users_api, "/policies?action=g_update", alice))["policies"]

    assert added[0]["actions"] == ["m_read", "c_update", "c_list", "g_list"]
    assert added[0]["created_at"] == added[0]["updated_at"]
    assert added[0]["owner_id"] == alice.id
    assert changed.status == 204
    assert after[0]["actions"] == ["g_update"]
    assert after[0]["updated_by"] == alice.id


async def test_a_holder_hands_out_what_he_has_with_g_add(
    users_api: Api, new_account: NewAccount, alice: Account, bob: Account
) -> None:
    carol = await new_account("carol@example.com")
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "m_read")
    without = await allow(users_api, bob, carol, group, "m_read")
    await allow(users_api, alice, bob, group, "g_add", "m_read")

    within = await allow(users_api, bob, carol, group, "m_read")
    more = await allow(users_api, bob, carol, group, "m_write")
    put = {"subject": carol.id, "object": group, "actions": ["g_delete"]}
    raised = await users_api.put("/policies", json=put, headers=bob.headers)
    own = await allow(users_api, bob, bob, group, "g_add", "g_list", "m_read")

    assert [answer.status for answer in (without, within, more, raised, own)] == [
        403,
        201,
        403,
        403,
        403,
    ]


async def test_policies_are_refused_for_what_is_wrong_with_them(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    group = await new_group(users_api, alice)
    good: dict[str, Any] = {"subject": bob.id, "object": group, "actions": ["m_read"]}
    cases: list[tuple[dict[str, Any], int]] = [
        ({"actions": []}, 400),
        ({"actions": ["fly"]}, 400),
        ({"subject": ""}, 400),
        ({"object": ""}, 400),
        ({"object": "x"}, 400),
        ({"subject": str(uuid4())}, 404),
        ({"object": str(uuid4())}, 404),
    ]

    for change, status in cases:
        response = await users_api.post("/policies", json=good | change, headers=alice.headers)
        assert response.status == status, change
    missing = await users_api.put("/policies", json=good, headers=alice.headers)
    path = f"/policies/{bob.id}/{group}"
    none = [
        (await users_api.delete(path, headers=who.headers)).status for who in (alice, bob, admin)
    ]
    assert missing.status == 404
    assert none == [404, 404, 404]
    assert (await users_api.get("/policies?action=fly", headers=alice.headers)).status == 400
    assert (await users_api.post("/policies", json=good)).status == 401


async def test_a_policy_is_removed_by_its_maker_and_by_admins(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    group = await new_group(users_api, alice)
    path = f"/policies/{bob.id}/{group}"
    statuses = []
    for who in (bob, alice, admin):
        await allow(users_api, alice, bob, group, "g_list")
        statuses.append((await users_api.delete(path, headers=who.headers)).status)

    assert statuses == [403, 204, 204]
    assert (await users_api.get(f"/groups/{group}", headers=bob.headers)).status == 403


@pytest.mark.parametrize("path", ["/authorize", "/users/authorize"])
async def test_authorize_is_not_public(users_api: Api, path: str) -> None:
    body = {"subject": "x' OR '1'='1", "object": "y", "action": "g_list", "entity_type": "group"}

    assert (await users_api.post(path, json=body)).status in (401, 404, 405)
    assert (await users_api.post("/internal/authorize", json=body)).status == 401
