"""Showing and changing accounts."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    NewAccount,
    account_of,
    bearer,
    log_in,
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_the_profile_is_the_callers_account(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/users/profile", headers=alice.headers)

    body = await response.json()
    assert response.status == 200
    assert (body["id"], body["name"]) == (alice.id, "Alice")
    assert body["credentials"] == {"identity": alice.identity}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/profile"),
        ("GET", "/users"),
        ("GET", f"/users/{UNKNOWN}"),
        ("PATCH", f"/users/{UNKNOWN}"),
        ("PATCH", f"/users/{UNKNOWN}/tags"),
        ("PATCH", "/users/secret"),
        ("POST", f"/users/{UNKNOWN}/enable"),
        ("POST", f"/users/{UNKNOWN}/disable"),
    ],
)
async def test_every_route_wants_a_token(users_api: Api, method: str, path: str) -> None:
    for header in (None, "", "Bearer ", "Bearer garbage", "Basic YTpi", "Thing k"):
        headers = {} if header is None else {"Authorization": header}

        response = await users_api.request(method, path, json={}, headers=headers)

        body = await response.json()
        assert response.status == 401, header
        assert body["message"] == "failed to perform authentication over the entity"


async def test_a_token_without_its_scheme_is_understood(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/users/profile", headers={"Authorization": alice.token})

    assert response.status == 200


async def test_an_account_is_seen_by_itself_its_owner_and_admins(
    users_api: Api, alice: Account, admin: Account, new_account: NewAccount
) -> None:
    child = await new_account("child@example.com", by=alice)

    statuses = [
        (await users_api.get(f"/users/{child.id}", headers=caller.headers)).status
        for caller in (child, alice, admin)
    ]

    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("PATCH", "/tags"),
        ("POST", "/enable"),
        ("POST", "/disable"),
    ],
)
async def test_an_account_is_closed_to_others(
    users_api: Api, alice: Account, bob: Account, admin: Account, method: str, suffix: str
) -> None:
    async def status(account_id: str, caller: Account) -> int:
        path = f"/users/{account_id}{suffix}"
        response = await users_api.request(method, path, json={}, headers=caller.headers)
        return response.status

    assert await status(bob.id, alice) == 403
    assert await status(UNKNOWN, alice) == 403
    assert await status(UNKNOWN, admin) == 404
    assert await status("not-an-id", admin) == 404


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


@pytest.mark.parametrize("path", ["", "/tags"])
async def test_a_change_must_be_json(users_api: Api, alice: Account, path: str) -> None:
    response = await users_api.patch(f"/users/{alice.id}{path}", data=b"{}", headers=alice.headers)

    assert response.status == 415


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


async def test_one_of_many_at_once_disables(users_api: Api, alice: Account, admin: Account) -> None:
    responses = await asyncio.gather(
        *(users_api.post(f"/users/{alice.id}/disable", headers=admin.headers) for _ in range(20))
    )

    assert sorted(response.status for response in responses) == [200] + [409] * 19


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


async def test_other_methods_are_not_allowed(users_api: Api) -> None:
    response = await users_api.put("/users")

    assert response.status == 405
    assert response.content_type == "application/json"


async def test_unknown_paths_are_not_found(users_api: Api) -> None:
    statuses = [
        (await users_api.get(path)).status
        for path in ("/users/", "/nothing", f"/users/{uuid4()}/x")
    ]

    assert statuses == [404, 404, 404]
