"""Groups of users: the tree, its lists, and who is in them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.integration.users.conftest import Account, Api, NewAccount
from tests.integration.users.groups import allow, new_group, page_of


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


async def test_a_group_is_answered_as_documented(users_api: Api, alice: Account) -> None:
    body = {"name": "Lab", "description": "d", "metadata": {"k": 1}, "id": "", "level": 3}

    made = await users_api.post("/groups", json=body, headers=alice.headers)
    bare = await users_api.post("/groups", json={"name": "bare"}, headers=alice.headers)

    group = await made.json()
    assert made.status == 201
    assert group == {
        "id": group["id"],
        "owner_id": alice.id,
        "name": "Lab",
        "description": "d",
        "metadata": {"k": 1},
        "created_at": group["created_at"],
        "updated_at": group["created_at"],
        "status": "enabled",
    }
    assert (await bare.json()).keys() == group.keys() - {"description", "metadata"}
    seen = await users_api.get(f"/groups/{group['id']}", headers=alice.headers)
    assert await seen.json() == group


async def test_a_change_of_a_group_leaves_what_is_not_given(
    users_api: Api, alice: Account, admin: Account
) -> None:
    group = await new_group(users_api, alice, "before", description="d", metadata={"a": 1})
    path = f"/groups/{group}"

    async def change(body: dict[str, Any]) -> dict[str, Any]:
        answer = await users_api.put(path, json=body, headers=admin.headers)
        assert answer.status == 200
        changed: dict[str, Any] = await answer.json()
        return changed

    nothing = await change({"name": "", "description": ""})
    named = await change({"name": "after", "metadata": {"b": 2}})
    cleared = await change({"metadata": {}})

    members = ("name", "description", "metadata")
    assert [nothing.get(member) for member in members] == ["before", "d", {"a": 1}]
    assert [named.get(member) for member in members] == ["after", "d", {"b": 2}]
    assert "metadata" not in cleared
    assert nothing["updated_by"] == admin.id
    assert cleared["updated_at"] > named["updated_at"] > named["created_at"]


async def test_a_group_is_disabled_and_enabled(
    users_api: Api, alice: Account, admin: Account
) -> None:
    group = await new_group(users_api, alice)

    off = await (await users_api.post(f"/groups/{group}/disable", headers=alice.headers)).json()
    hidden = await page_of(users_api, "/groups", alice)
    shown = await page_of(users_api, "/groups?status=disabled", alice)
    on = await (await users_api.post(f"/groups/{group}/enable", headers=admin.headers)).json()

    assert (off["status"], off["updated_by"]) == ("disabled", alice.id)
    assert (on["status"], on["updated_by"]) == ("enabled", admin.id)
    assert on["updated_at"] > off["updated_at"] > off["created_at"]
    assert (hidden["groups"], [found["id"] for found in shown["groups"]]) == ([], [group])


async def test_groups_are_filtered_and_paged(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    top = await new_group(users_api, alice, "top", metadata={"k": {"x": 1, "y": [1, 2]}})
    low = await new_group(users_api, alice, "low", parent_id=top, status="disabled")
    foreign = await new_group(users_api, bob, "top")

    async def ids(query: str, who: Account = alice) -> list[str]:
        page = await page_of(users_api, f"/groups?{query}", who)
        return [group["id"] for group in page["groups"]]

    assert await ids("") == [top]
    assert await ids("status=all") == [top, low]
    assert await ids("status=all&offset=1&limit=1") == [low]
    assert await ids("name=top") == [top]
    assert await ids("name=%22top%22") == [top]
    assert await ids("name=to") == []
    assert await ids('metadata={"k":{"y":[2]}}') == [top]
    assert await ids('metadata={"k":{"y":[3]}}') == []
    assert await ids(f"parent_id={top}&status=all") == [top, low]
    assert await ids(f"parent_id={top}&status=all&level=0") == [top]
    assert await ids(f"parent_id={low}&status=all&dir=0") == [top, low]
    assert await ids(f"parent_id={low}&status=all&dir=-1") == [low]
    assert await ids(f"owner_id={bob.id}") == [top]  # not heard from others than admins
    assert await ids(f"owner_id={bob.id}", admin) == [foreign]
    page = await page_of(users_api, "/groups?level=3&limit=1", alice)
    assert (page["level"], page["total"], page["limit"], page["offset"]) == (3, 1, 1, 0)


async def test_parents_are_those_the_caller_may_see_with_their_distance(
    users_api: Api, alice: Account, bob: Account
) -> None:
    top = await new_group(users_api, alice, "top")
    middle = await new_group(users_api, alice, "middle", parent_id=top)
    low = await new_group(users_api, alice, "low", parent_id=middle)
    await allow(users_api, alice, bob, low, "g_list")
    await allow(users_api, alice, bob, top, "g_list")

    near = await page_of(users_api, f"/groups/{low}/parents?level=1", alice)
    tree = await page_of(users_api, f"/groups/{low}/parents?tree=true", alice)
    bobs = await page_of(users_api, f"/groups/{low}/parents", bob)
    below = await page_of(users_api, f"/groups/{top}/children", bob)

    assert [(group["id"], group.get("level", 0)) for group in near["groups"]] == [
        (middle, -1),
        (low, 0),
    ]
    assert tree["total"] == 3
    assert tree["groups"][0]["children"][0]["children"][0]["id"] == low
    assert {group["id"]: group.get("level", 0) for group in bobs["groups"]} == {top: -2, low: 0}
    assert [group["id"] for group in below["groups"]] == [top, low]


async def test_members_are_filtered_and_a_member_does_not_see_himself(
    users_api: Api, new_account: NewAccount, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    carol = await new_account("carol@example.com", name="Carol", tags=["t"], metadata={"k": 1})
    gone = await new_account("gone@example.com", name="Gone")
    await users_api.post(f"/users/{gone.id}/disable", headers=gone.headers)
    for member in (bob, carol, gone):
        await allow(users_api, alice, member, group, "g_list")

    async def names(query: str, who: Account = alice) -> list[str]:
        page = await page_of(users_api, f"/groups/{group}/members?{query}", who)
        assert page.keys() == {"limit", "offset", "total", "members"}
        return [member["name"] for member in page["members"]]

    assert await names("") == ["Bob", "Carol"]
    assert await names("", bob) == ["Carol"]
    assert await names("status=all") == ["Bob", "Carol", "Gone"]
    assert await names("name=Carol") == ["Carol"]
    assert await names("tag=t") == ["Carol"]
    assert await names('metadata={"k":1}') == ["Carol"]
    assert await names(f"identity={bob.identity}") == ["Bob"]
    assert await names("offset=1&limit=1") == ["Carol"]


async def test_memberships_are_filtered(users_api: Api, alice: Account, bob: Account) -> None:
    groups = {
        name: await new_group(users_api, alice, name, metadata={"name": name})
        for name in ("first", "second", "third")
    }
    for group in groups.values():
        await allow(users_api, alice, bob, group, "g_list")
    await users_api.post(f"/groups/{groups['third']}/disable", headers=alice.headers)

    async def names(query: str, who: Account = bob) -> list[str]:
        page = await page_of(users_api, f"/users/{bob.id}/memberships?{query}", who)
        assert page.keys() == {"limit", "offset", "total", "memberships"}
        return [group["name"] for group in page["memberships"]]

    assert await names("") == ["first", "second"]
    assert await names("", alice) == ["first", "second"]
    assert await names("status=all") == ["first", "second", "third"]
    assert await names("name=second") == ["second"]
    assert await names('metadata={"name":"first"}') == ["first"]
    assert await names("offset=1&limit=1") == ["second"]
