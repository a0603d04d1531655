"""Showing and changing accounts."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    NewAccount,
    account_of,
    bearer,
    log_in,
    unique,
    user_body,
)


async def test_the_profile_is_the_callers_account(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/users/profile", headers=alice.headers)

    body = await response.json()
    assert response.status == 200
    assert (body["id"], body["name"]) == (alice.id, "Alice")
    assert body["credentials"] == {"identity": alice.identity}


async def test_a_token_without_its_scheme_is_understood(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/users/profile", headers={"Authorization": alice.token})

    assert response.status == 200


async def test_an_owner_does_not_inherit_what_his_accounts_own(
    users_api: Api, alice: Account, new_account: NewAccount
) -> None:
    child = await new_account("child@example.com", by=alice)
    grandchild = await new_account("grandchild@example.com", by=child)

    response = await users_api.get(f"/users/{grandchild.id}", headers=alice.headers)

    assert response.status == 403


async def test_name_and_metadata_change(users_api: Api, alice: Account) -> None:
    await users_api.patch(
        f"/users/{alice.id}", json={"metadata": {"a": 1, "b": 2}}, headers=alice.headers
    )

    response = await users_api.patch(
        f"/users/{alice.id}", json={"name": "Alice B", "metadata": {"n": 1}}, headers=alice.headers
    )

    body = await response.json()
    assert response.status == 200
    assert body["name"] == "Alice B"
    assert body["metadata"] == {"n": 1}
    assert body["updated_by"] == alice.id
    assert body["updated_at"] > body["created_at"]
    assert body["credentials"] == {"identity": alice.identity}
    assert body == await (await users_api.get("/users/profile", headers=alice.headers)).json()


async def test_what_is_not_given_stays(users_api: Api, new_account: NewAccount) -> None:
    user = await new_account("x@example.com", name="X", metadata={"a": 1}, tags=["t"])

    response = await users_api.patch(
        f"/users/{user.id}", json={"name": "", "unknown": 1}, headers=user.headers
    )

    body = await response.json()
    assert response.status == 200
    assert (body["name"], body["metadata"], body["tags"]) == ("X", {"a": 1}, ["t"])
    assert body["updated_at"] > body["created_at"]


async def test_empty_metadata_clears(users_api: Api, new_account: NewAccount) -> None:
    user = await new_account("x@example.com", metadata={"a": 1})

    response = await users_api.patch(
        f"/users/{user.id}", json={"metadata": {}}, headers=user.headers
    )

    assert "metadata" not in await response.json()


@pytest.mark.parametrize(
    "body", [{"name": "n" * 1025}, {"name": 1}, {"metadata": []}, {"metadata": {"a": "\0"}}, []]
)
async def test_a_change_that_cannot_be_is_malformed(
    users_api: Api, alice: Account, body: object
) -> None:
    response = await users_api.patch(f"/users/{alice.id}", json=body, headers=alice.headers)

    assert response.status == 400


async def test_tags_are_replaced_and_cleared(users_api: Api, alice: Account) -> None:
    replaced = await users_api.patch(
        f"/users/{alice.id}/tags", json={"tags": ["y", "x"]}, headers=alice.headers
    )
    cleared = await users_api.patch(f"/users/{alice.id}/tags", json={}, headers=alice.headers)

    assert (await replaced.json())["tags"] == ["y", "x"]
    assert cleared.status == 200
    assert "tags" not in await cleared.json()


async def test_a_disabled_account_does_not_change(
    users_api: Api, alice: Account, admin: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    name = await users_api.patch(f"/users/{alice.id}", json={"name": "q"}, headers=admin.headers)
    tags = await users_api.patch(
        f"/users/{alice.id}/tags", json={"tags": ["q"]}, headers=admin.headers
    )

    assert (name.status, tags.status) == (404, 404)


async def test_an_account_is_disabled_and_enabled(
    users_api: Api, alice: Account, admin: Account
) -> None:
    disabled = await users_api.post(f"/users/{alice.id}/disable", headers=alice.headers)
    enabled = await users_api.post(f"/users/{alice.id}/enable", headers=admin.headers)

    off, on = await disabled.json(), await enabled.json()
    assert (disabled.status, enabled.status) == (200, 200)
    assert (off["status"], on["status"]) == ("disabled", "enabled")
    assert (off["updated_by"], on["updated_by"]) == (alice.id, admin.id)
    assert on["updated_at"] > off["updated_at"] > off["created_at"]


async def test_a_status_there_is_already_is_a_conflict(
    users_api: Api, alice: Account, admin: Account
) -> None:
    enabled = await users_api.post(f"/users/{alice.id}/enable", headers=admin.headers)
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)
    disabled = await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    assert (enabled.status, disabled.status) == (409, 409)
    assert (await enabled.json())["code"] == "status_already_assigned"


async def test_a_secret_is_changed(users_api: Api, alice: Account) -> None:
    response = await users_api.patch(
        "/users/secret",
        json={"old_secret": SECRET, "new_secret": "another secret"},
        headers=alice.headers,
    )

    body = await response.json()
    assert response.status == 200
    assert body["id"] == body["updated_by"] == alice.id
    assert "secret" not in body["credentials"]
    assert (await log_in(users_api, alice.identity)).status == 401
    assert (await log_in(users_api, alice.identity, "another secret")).status == 201


async def test_a_changed_secret_ends_the_logins_of_before(users_api: Api, alice: Account) -> None:
    change = {"old_secret": SECRET, "new_secret": "another secret"}
    await users_api.patch("/users/secret", json=change, headers=alice.headers)

    response = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))

    assert response.status == 401
    later = await account_of(users_api, alice.identity, "another secret")
    again = await users_api.post("/users/tokens/refresh", headers=bearer(later.refresh_token))
    assert again.status == 201


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"old_secret": "wrong", "new_secret": "another secret"}, 401),
        ({"old_secret": SECRET, "new_secret": "short"}, 400),
        ({"old_secret": SECRET, "new_secret": "a" * 73}, 400),
        ({"old_secret": SECRET, "new_secret": "another\0secret"}, 400),
        ({"old_secret": SECRET}, 400),
        ({"new_secret": "another secret"}, 400),
        ({}, 400),
    ],
)
async def test_a_refused_change_of_secret_changes_nothing(
    users_api: Api, alice: Account, change: dict[str, str], status: int
) -> None:
    response = await users_api.patch("/users/secret", json=change, headers=alice.headers)

    assert response.status == status
    assert (await log_in(users_api, alice.identity)).status == 201


async def test_one_of_many_at_once_changes_the_secret(users_api: Api, alice: Account) -> None:
    responses = await asyncio.gather(
        *(
            users_api.patch(
                "/users/secret",
                json={"old_secret": SECRET, "new_secret": f"secret number {number}"},
                headers=alice.headers,
            )
            for number in range(10)
        )
    )

    statuses = [response.status for response in responses]
    winner = statuses.index(200)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 409}
    assert (await log_in(users_api, alice.identity, f"secret number {winner}")).status == 201


async def test_an_identity_is_an_address_and_taken_once(
    users_api: Api, alice: Account, bob: Account
) -> None:
    path = f"/users/{alice.id}/identity"

    statuses = [
        (await users_api.patch(path, json={"identity": new}, headers=alice.headers)).status
        for new in ("", "no address", bob.identity.upper(), unique("new@example.com"))
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


async def test_an_admin_makes_admins_and_their_tokens_of_before_end(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    path, body = f"/users/{alice.id}/role", {"role": "admin"}

    by_bob = await users_api.patch(path, json=body, headers=bob.headers)
    by_admin = await users_api.patch(path, json=body, headers=admin.headers)
    again = await users_api.patch(path, json=body, headers=admin.headers)
    profile = await users_api.get("/users/profile", headers=alice.headers)

    assert (by_bob.status, by_admin.status, again.status, profile.status) == (403, 200, 409, 401)


async def test_no_answer_shows_a_secret_or_its_hash(
    users_api: Api, new_account: NewAccount, alice: Account
) -> None:
    child = await new_account("child@example.com", by=alice)
    path = f"/users/{child.id}"
    body: dict[str, object] = {"name": "n", "tags": [], "metadata": {}}
    calls: list[tuple[str, str, dict[str, object] | None]] = [
        ("POST", "/users", user_body(unique("other@example.com"))),
        ("GET", path, None),
        ("GET", "/users", None),
        ("PATCH", path, body),
        ("PATCH", f"{path}/tags", body),
        ("PATCH", f"{path}/identity", {"identity": unique("third@example.com")}),
        ("PATCH", f"{path}/owner", {"owner": alice.id}),
        ("POST", f"{path}/disable", None),
        ("POST", f"{path}/enable", None),
        ("PATCH", "/users/secret", {"old_secret": SECRET, "new_secret": SECRET}),
    ]

    for method, where, given in calls:
        response = await users_api.request(method, where, json=given, headers=alice.headers)
        text = await response.text()
        assert response.status in (200, 201), (method, where, text)
        assert "secret" not in text
        assert "$2b$" not in text
