"""`POST /users`."""

from __future__ import annotations

import json
from io import BytesIO
from uuid import UUID

import pytest

from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    NewApi,
    bearer,
    log_in,
    user_body,
)


async def test_an_account_is_answered_as_documented(users_api: Api) -> None:
    response = await users_api.post(
        "/users",
        json={
            "name": "John Doe",
            "credentials": {"identity": "john.doe@email.com", "secret": "12345678"},
            "status": "enabled",
        },
    )

    body = await response.json()
    assert response.status == 201
    assert response.content_type == "application/json"
    assert response.headers["Location"] == f"/users/{body['id']}"
    assert UUID(body["id"]).version == 4
    assert body["created_at"].endswith("Z")
    assert body == {
        "id": body["id"],
        "name": "John Doe",
        "credentials": {"identity": "john.doe@email.com"},
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "status": "enabled",
    }


async def test_all_members_come_back(users_api: Api, alice: Account) -> None:
    response = await users_api.post(
        "/users",
        json=user_body(
            "full@example.com",
            name="Full",
            tags=["b", "a"],
            metadata={"k": {"x": 1, "y": [2, None]}, "z": "q"},
            status="disabled",
            id="11111111-1111-1111-1111-111111111111",
            created_at="0001-01-01T00:00:00Z",
            updated_by="",
        ),
        headers=alice.headers,
    )

    body = await response.json()
    assert response.status == 201
    assert body["id"] != "11111111-1111-1111-1111-111111111111"
    assert body["tags"] == ["b", "a"]
    assert body["metadata"] == {"k": {"x": 1, "y": [2, None]}, "z": "q"}
    assert body["status"] == "disabled"
    assert body["owner"] == alice.id
    assert body["credentials"] == {"identity": "full@example.com"}


async def test_the_first_clients_words_are_understood(users_api: Api) -> None:
    response = await users_api.post("/users", json={"email": "old@example.com", "password": SECRET})

    body = await response.json()
    assert response.status == 201
    assert body["credentials"] == {"identity": "old@example.com"}
    assert (await log_in(users_api, "old@example.com")).status == 201


async def test_both_words_for_the_same_are_fine(users_api: Api) -> None:
    response = await users_api.post(
        "/users", json=user_body("two@example.com", email="two@example.com", password=SECRET)
    )

    assert response.status == 201


async def test_metadata_may_come_as_text(users_api: Api) -> None:
    response = await users_api.post(
        "/users", json=user_body("text@example.com", metadata='{"a": 1}')
    )

    assert (await response.json())["metadata"] == {"a": 1}


async def test_an_international_address_is_kept_as_typed(users_api: Api) -> None:
    response = await users_api.post("/users", json=user_body("Jörg@bücher.example"))

    assert (await response.json())["credentials"] == {"identity": "Jörg@bücher.example"}
    assert (await log_in(users_api, "xn--jrg-sna@xn--bcher-kva.example")).status == 201


@pytest.mark.parametrize(
    "change",
    [
        {"credentials": {"identity": "", "secret": SECRET}},
        {"credentials": {"secret": SECRET}},
        {"credentials": {"identity": "notmail", "secret": SECRET}},
        {"credentials": {"identity": "a@b@example.com", "secret": SECRET}},
        {"credentials": {"identity": "a@example", "secret": SECRET}},
        {"credentials": {"identity": "new@example.com", "secret": ""}},
        {"credentials": {"identity": "new@example.com"}},
        {"credentials": {"identity": "new@example.com", "secret": "1234567"}},
        {"credentials": {"identity": "new@example.com", "secret": "a" * 73}},
        {"credentials": {"identity": "new@example.com", "secret": "ü" * 37}},
        {"credentials": {"identity": 1, "secret": SECRET}},
        {"credentials": "new@example.com"},
        {"email": "other@example.com"},
        {"password": "another secret"},
        {"name": "n" * 1025},
        {"name": ["n"]},
        {"name": "n\0"},
        {"tags": "a"},
        {"tags": ["a\0"]},
        {"metadata": []},
        {"metadata": "text"},
        {"metadata": {"a": {"b": ["c\0"]}}},
        {"metadata": '{"a": "\\u0000"}'},
        {"status": "foo"},
        {"status": "all"},
        {"role": "boss"},
    ],
)
async def test_what_cannot_be_is_malformed(users_api: Api, change: dict[str, object]) -> None:
    response = await users_api.post("/users", json=user_body("new@example.com") | change)

    body = await response.json()
    assert response.status == 400
    assert body["message"] == "something went wrong with the request"
    assert body["error"]
    assert body["code"]
    assert (await log_in(users_api, "new@example.com")).status == 401


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', '{"name":"a"} x', "\xff"])
async def test_broken_json_is_malformed(users_api: Api, body: str) -> None:
    response = await users_api.post(
        "/users", data=body.encode("latin-1"), headers={"Content-Type": "application/json"}
    )

    assert response.status == 400
    assert response.content_type == "application/json"


async def test_a_secret_of_72_bytes_is_accepted(users_api: Api) -> None:
    secret = "ü" * 36
    credentials = {"identity": "long@example.com", "secret": secret}

    response = await users_api.post("/users", json={"credentials": credentials})

    assert response.status == 201
    assert (await log_in(users_api, "long@example.com", secret)).status == 201


async def test_the_password_rule_is_the_operators(new_users_api: NewApi) -> None:
    api = await new_users_api(USERS_PASS_REGEX="^.{3,}$")

    accepted = await api.post("/users", json={"email": "a@example.com", "password": "123"})
    refused = await api.post("/users", json={"email": "b@example.com", "password": "12"})

    assert accepted.status == 201
    assert refused.status == 400
    assert (await refused.json())["code"] == "weak_secret"


async def test_another_content_type_is_refused(users_api: Api) -> None:
    response = await users_api.post(
        "/users", data=b'{"name":"a"}', headers={"Content-Type": "text/plain"}
    )

    body = await response.json()
    assert response.status == 415
    assert body["error"] == "unsupported content type"


async def test_a_charset_does_no_harm(users_api: Api) -> None:
    response = await users_api.post(
        "/users",
        data=b'{"email":"charset@example.com","password":"12345678"}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )

    assert response.status == 201


async def test_a_body_over_the_limit_is_too_large(users_api: Api) -> None:
    body = json.dumps(user_body("a@example.com", name="n" * (1 << 20))).encode()

    response = await users_api.post(
        "/users", data=BytesIO(body), headers={"Content-Type": "application/json"}
    )

    assert response.status == 413


async def test_a_taken_identity_is_refused_in_any_case(users_api: Api, alice: Account) -> None:
    as_it_is = await users_api.post("/users", json=user_body(alice.identity))
    response = await users_api.post("/users", json=user_body(alice.identity.swapcase()))

    assert as_it_is.status == 409
    body = await response.json()
    assert response.status == 409
    assert body["message"] == "entity already exists"
    assert body["code"] == "identity_taken"


async def test_the_identity_of_a_disabled_account_stays_taken(
    users_api: Api, alice: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=alice.headers)

    response = await users_api.post("/users", json=user_body(alice.identity))

    assert response.status == 409


async def test_the_caller_owns_what_he_makes(users_api: Api, alice: Account) -> None:
    response = await users_api.post(
        "/users", json=user_body("child@example.com"), headers={"Authorization": alice.token}
    )

    assert (await response.json())["owner"] == alice.id


async def test_an_owner_in_the_body_is_not_heard(
    users_api: Api, alice: Account, bob: Account
) -> None:
    alone = await users_api.post("/users", json=user_body("alone@example.com", owner=bob.id))
    by_alice = await users_api.post(
        "/users", json=user_body("owned@example.com", owner=bob.id), headers=alice.headers
    )

    assert "owner" not in await alone.json()
    assert (await by_alice.json())["owner"] == alice.id


async def test_an_admin_may_name_an_owner(users_api: Api, admin: Account, bob: Account) -> None:
    response = await users_api.post(
        "/users", json=user_body("named@example.com", owner=bob.id), headers=admin.headers
    )

    assert (await response.json())["owner"] == bob.id


@pytest.mark.parametrize("owner", ["00000000-0000-4000-8000-000000000000", "nobody"])
async def test_an_owner_must_exist(users_api: Api, admin: Account, owner: str) -> None:
    response = await users_api.post(
        "/users", json=user_body("x@example.com", owner=owner), headers=admin.headers
    )

    assert response.status == 400
    assert (await response.json())["code"] == "unknown_owner"


async def test_nobody_makes_himself_an_admin(users_api: Api, alice: Account) -> None:
    body = user_body("boss@example.com", role="admin")

    alone = await users_api.post("/users", json=body)
    by_alice = await users_api.post("/users", json=body, headers=alice.headers)

    assert (alone.status, by_alice.status) == (403, 403)
    assert (await log_in(users_api, "boss@example.com")).status == 401


async def test_an_admin_makes_admins(users_api: Api, admin: Account) -> None:
    made = await users_api.post(
        "/users", json=user_body("chief@example.com", role="admin"), headers=admin.headers
    )

    tokens = await (await log_in(users_api, "chief@example.com")).json()
    seen = await users_api.get("/users", headers=bearer(tokens["access_token"]))
    assert made.status == 201
    assert "role" not in await made.json()
    assert (await seen.json())["total"] > 2


@pytest.mark.parametrize("header", ["Bearer garbage", "garbage", "Basic YTpi", "Bearer ", ""])
async def test_a_token_that_is_not_good_is_not_overlooked(users_api: Api, header: str) -> None:
    response = await users_api.post(
        "/users", json=user_body("a@example.com"), headers={"Authorization": header}
    )

    assert response.status == 401


async def test_registration_can_be_closed(new_users_api: NewApi) -> None:
    api = await new_users_api(ALLOW_SELF_REGISTER="false")
    tokens = await (await log_in(api, "admin@example.com", "x")).json()
    body = user_body("new@example.com")

    alone = await api.post("/users", json=body)
    by_admin = await api.post("/users", json=body, headers=bearer(tokens["access_token"]))

    assert alone.status == 403
    assert (await alone.json())["code"] == "registration_closed"
    assert by_admin.status == 201
