"""What users tells other services."""

from __future__ import annotations

from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    NewAccount,
    ToldAbout,
    bearer,
    unique,
    user_body,
)
from tests.integration.users.groups import allow, new_group


async def test_each_change_of_an_account_is_told_once_and_without_values(
    users_api: Api, alice: Account, bob: Account, admin: Account, told_about: ToldAbout
) -> None:
    path = f"/users/{alice.id}"
    await users_api.patch(path, json={"name": "A", "metadata": {"k": 1}}, headers=alice.headers)
    await users_api.patch(f"{path}/tags", json={"tags": ["t"]}, headers=alice.headers)
    identity = {"identity": unique("new@example.com")}
    await users_api.patch(f"{path}/identity", json=identity, headers=alice.headers)
    await users_api.patch(f"{path}/owner", json={"owner": bob.id}, headers=admin.headers)
    await users_api.patch(
        "/users/secret",
        json={"old_secret": SECRET, "new_secret": "another secret"},
        headers=alice.headers,
    )
    await users_api.post(f"{path}/disable", headers=admin.headers)
    await users_api.post(f"{path}/disable", headers=admin.headers)
    await users_api.post(f"{path}/enable", headers=admin.headers)
    await users_api.patch(f"{path}/role", json={"role": "admin"}, headers=admin.headers)

    told = await told_about(alice.id, 9)

    assert told == [
        ("user.created", {"user_id": alice.id}),
        ("user.updated", {"user_id": alice.id, "members": ["name", "metadata"]}),
        ("user.updated", {"user_id": alice.id, "members": ["tags"]}),
        ("user.updated", {"user_id": alice.id, "members": ["identity"]}),
        ("user.updated", {"user_id": alice.id, "members": ["owner"]}),
        ("user.secret_changed", {"user_id": alice.id}),
        ("user.disabled", {"user_id": alice.id}),
        ("user.enabled", {"user_id": alice.id}),
        ("user.role_changed", {"user_id": alice.id}),
    ]


async def test_the_owner_is_told_too(
    alice: Account, new_account: NewAccount, told_about: ToldAbout
) -> None:
    child = await new_account("child@example.com", by=alice)

    told = await told_about(child.id, 1)

    assert told == [("user.created", {"user_id": child.id, "owner_id": alice.id})]


async def test_each_change_of_a_group_is_told_once_and_without_values(
    users_api: Api, alice: Account, told_about: ToldAbout
) -> None:
    group = await new_group(users_api, alice)
    path = f"/groups/{group}"
    await users_api.put(path, json={"name": "n", "description": "d"}, headers=alice.headers)
    await users_api.put(path, json={"metadata": {"k": 1}}, headers=alice.headers)
    await users_api.put(path, json={"parent_id": group}, headers=alice.headers)
    for word in ("disable", "disable", "enable"):
        await users_api.post(f"{path}/{word}", headers=alice.headers)

    told = await told_about(group, 5)

    assert told == [
        ("group.created", {"group_id": group, "owner_id": alice.id}),
        ("group.updated", {"group_id": group, "members": ["name", "description"]}),
        ("group.updated", {"group_id": group, "members": ["metadata"]}),
        ("group.disabled", {"group_id": group}),
        ("group.enabled", {"group_id": group}),
    ]


async def test_each_change_of_a_policy_is_told_once(
    users_api: Api, alice: Account, bob: Account, told_about: ToldAbout
) -> None:
    group = await new_group(users_api, alice)
    path, ids = f"/policies/{bob.id}/{group}", {"user_id": bob.id, "group_id": group}
    await allow(users_api, alice, bob, group, "m_read")
    body = {"subject": bob.id, "object": group, "actions": ["m_write"]}
    await users_api.put("/policies", json=body, headers=alice.headers)
    await users_api.put("/policies", json=body, headers=bob.headers)
    await users_api.delete(path, headers=alice.headers)
    await users_api.delete(path, headers=alice.headers)

    told = await told_about(group, 4)

    assert told[1:] == [("policy.created", ids), ("policy.updated", ids), ("policy.deleted", ids)]


async def test_each_change_of_a_key_is_told_once(
    users_api: Api, alice: Account, told_about: ToldAbout
) -> None:
    body = {"name": "n", "scopes": ["users:read"]}
    key = await (await users_api.post("/users/keys", json=body, headers=alice.headers)).json()
    for _ in range(2):
        await users_api.delete(f"/users/keys/{key['id']}", headers=alice.headers)

    told = await told_about(key["id"], 2)

    ids = {"key_id": key["id"], "user_id": alice.id}
    assert told == [("key.created", ids), ("key.revoked", ids)]


async def test_the_end_of_a_login_is_told_once(
    users_api: Api, alice: Account, told_about: ToldAbout
) -> None:
    renewed = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
    for token in (alice.token, (await renewed.json())["access_token"]):
        await users_api.post("/users/tokens/revoke", headers=bearer(token))

    told = await told_about(alice.id, 2)

    assert [subject for subject, _ in told] == ["user.created", "login.ended"]


async def test_what_was_refused_is_not_told(
    users_api: Api, alice: Account, told_about: ToldAbout
) -> None:
    await users_api.post("/users", json=user_body(alice.identity))
    await users_api.post(f"/users/{alice.id}/enable", headers=alice.headers)
    await users_api.patch(f"/users/{alice.id}", json={"name": "last"}, headers=alice.headers)

    told = await told_about(alice.id, 2)

    assert [subject for subject, _ in told] == ["user.created", "user.updated"]
