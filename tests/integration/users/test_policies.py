"""Policies: who may let whom do what in a group."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiohttp import encode_basic_auth

from tests.fixtures.services import SERVICE_SECRETS
from tests.integration.users.conftest import Account, Api, NewAccount
from tests.integration.users.groups import allow, new_group, page_of


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


async def test_a_policy_is_answered_as_documented(
    users_api: Api, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)

    made = await allow(users_api, alice, bob, group, "m_read")
    page = await page_of(users_api, f"/policies?object={group}", alice)

    [policy] = page.pop("policies")
    assert (made.status, await made.read()) == (201, b"")
    assert page == {"limit": 10, "offset": 0, "total": 1}
    assert policy == {
        "owner_id": alice.id,
        "subject": bob.id,
        "object": group,
        "actions": ["m_read"],
        "created_at": policy["created_at"],
        "updated_at": policy["created_at"],
    }


async def test_policies_are_filtered_and_seen_by_their_makers_and_admins(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    first, second = [await new_group(users_api, alice, name) for name in ("a", "b")]
    await allow(users_api, alice, bob, first, "m_read")
    await allow(users_api, alice, bob, second, "c_update")

    async def objects(query: str, who: Account = alice) -> list[str]:
        page = await page_of(users_api, f"/policies?{query}", who)
        return [policy["object"] for policy in page["policies"]]

    assert await objects("") == [first, second]
    assert await objects(f"subject={bob.id}") == [first, second]
    assert await objects(f"subject={alice.id}") == []
    assert await objects(f"object={second}") == [second]
    assert await objects("action=c_list") == [second]
    assert await objects("offset=1&limit=1") == [second]
    assert await objects("", bob) == []
    assert await objects(f"owner_id={alice.id}", bob) == []
    assert await objects(f"owner_id={alice.id}", admin) == [first, second]


async def test_a_second_policy_for_a_pair_replaces_the_first(
    users_api: Api, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "g_update")
    path = f"/groups/{group}"
    before = await users_api.put(path, json={}, headers=bob.headers)

    await allow(users_api, alice, bob, group, "m_read")

    after = await users_api.put(path, json={}, headers=bob.headers)
    page = await page_of(users_api, f"/policies?object={group}", alice)
    assert (before.status, after.status) == (200, 403)
    assert [policy["actions"] for policy in page["policies"]] == [["m_read"]]


async def test_a_policy_is_changed_by_its_maker_and_by_admins(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    group = await new_group(users_api, alice)
    await allow(users_api, alice, bob, group, "g_list")
    body: dict[str, Any] = {"subject": bob.id, "object": group, "actions": ["m_read"]}

    statuses = [
        (await users_api.put("/policies", json=body, headers=who.headers)).status
        for who in (bob, alice, admin)
    ]
    changes: list[dict[str, Any]] = [
        {"actions": []},
        {"actions": ["fly"]},
        {"subject": ""},
        {"object": "x"},
    ]
    wrong = [
        (await users_api.put("/policies", json=body | change, headers=alice.headers)).status
        for change in changes
    ]

    [policy] = (await page_of(users_api, f"/policies?object={group}", alice))["policies"]
    assert (statuses, wrong) == ([403, 204, 204], [400] * 4)
    assert policy["updated_by"] == admin.id
    assert policy["updated_at"] > policy["created_at"]
    assert policy["owner_id"] == alice.id


async def test_text_of_a_question_never_becomes_sql(
    users_api: Api, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice, "a'; DROP TABLE policies; --")
    question = {
        "subject": bob.id,
        "object": group,
        "action": "g_list",
        "entity_type": "group",
    }
    login = {"Authorization": encode_basic_auth("things", SERVICE_SECRETS["things"])}
    attack = "x' OR '1'='1"

    plain = await users_api.post("/internal/authorize", json=question, headers=login)
    refused = [
        await users_api.post("/internal/authorize", json=question | {member: attack}, headers=login)
        for member in question
    ]
    found = await users_api.get("/groups", params={"name": attack}, headers=alice.headers)

    assert await plain.json() == {"authorized": False}
    assert [answer.status for answer in refused] == [400] * 4
    assert (await found.json())["groups"] == []
    assert (await users_api.get(f"/groups/{group}", headers=alice.headers)).status == 200
