"""Logins, refresh, and the public keys."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import urlsafe_b64encode

import jwt
import pytest

from services.users.service import logins
from shared.http.auth import ISSUER
from tests.integration.users.conftest import (
    ADMIN,
    ADMIN_SECRET,
    SECRET,
    Account,
    Api,
    NewApi,
    bearer,
    log_in,
)


def claims_of(token: str) -> dict[str, object]:
    """What a token says, unchecked."""
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_a_login_answers_a_token_set(users_api: Api, alice: Account) -> None:
    response = await log_in(users_api, alice.identity)

    body = await response.json()
    assert response.status == 201
    assert body.keys() == {"access_token", "refresh_token", "access_type"}
    assert body["access_type"] == "Bearer"


async def test_the_claims_name_the_user(users_api: Api, alice: Account) -> None:
    access = claims_of(alice.token)
    refresh = claims_of(alice.refresh_token)

    members = {"iss", "sub", "identity", "role", "type", "jti", "iat", "exp", "epoch", "family"}
    assert access.keys() == members
    assert access["iss"] == ISSUER
    assert access["sub"] == alice.id
    assert access["identity"] == alice.identity
    assert (access["role"], access["type"], refresh["type"]) == ("user", "access", "refresh")
    assert int(str(access["exp"])) - int(str(access["iat"])) == 15 * 60
    assert int(str(refresh["exp"])) - int(str(refresh["iat"])) == 24 * 3600
    assert "family" in refresh


async def test_lifetimes_are_the_operators(new_users_api: NewApi) -> None:
    api = await new_users_api(
        USERS_ACCESS_TOKEN_DURATION="1h30m", USERS_REFRESH_TOKEN_DURATION="48h"
    )

    body = await (await log_in(api, ADMIN, ADMIN_SECRET)).json()

    lifetimes = [
        int(str(claims["exp"])) - int(str(claims["iat"]))
        for claims in (claims_of(body["access_token"]), claims_of(body["refresh_token"]))
    ]
    assert lifetimes == [5400, 48 * 3600]


async def test_the_first_clients_words_are_understood(users_api: Api, alice: Account) -> None:
    response = await users_api.post(
        "/users/tokens/issue", json={"email": alice.identity, "password": SECRET}
    )

    assert response.status == 201


async def test_the_first_clients_way_answers_both_words(users_api: Api, alice: Account) -> None:
    response = await users_api.post("/tokens", json={"email": alice.identity, "password": SECRET})

    body = await response.json()
    assert response.status == 201
    assert body.keys() == {"token", "access_token", "refresh_token", "access_type"}
    assert body["token"] == body["access_token"]
    profile = await users_api.get("/users/profile", headers={"Authorization": body["token"]})
    assert profile.status == 200


async def test_a_login_is_found_in_any_case(users_api: Api, alice: Account) -> None:
    response = await log_in(users_api, alice.identity.swapcase())

    assert response.status == 201


@pytest.mark.parametrize("path", ["/users/tokens/issue", "/tokens"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"identity": "", "secret": "x"},
        {"identity": "x", "secret": ""},
        {"identity": "x"},
        {"email": "x"},
        {"identity": "a@example.com", "email": "b@example.com", "secret": "x"},
        {"identity": "a@example.com", "secret": "x", "password": "y"},
        {"identity": 1, "secret": "x"},
        {"identity": "a@example.com", "secret": "x\0"},
        [],
    ],
)
async def test_a_login_without_name_or_secret_is_malformed(
    users_api: Api, path: str, body: object
) -> None:
    response = await users_api.post(path, json=body)

    assert response.status == 400


@pytest.mark.parametrize("path", ["/users/tokens/issue", "/tokens"])
async def test_failed_logins_look_alike(
    users_api: Api, alice: Account, bob: Account, path: str
) -> None:
    await users_api.post(f"/users/{bob.id}/disable", headers=bob.headers)
    attempts = [
        (alice.identity, "wrong"),
        (alice.identity, "w" * 73),
        (bob.identity, SECRET),
        ("nobody@example.com", SECRET),
        ("not an address", SECRET),
    ]

    answers = []
    for identity, secret in attempts:
        response = await users_api.post(path, json={"identity": identity, "secret": secret})
        body = await response.json()
        body.pop("request_id")
        answers.append((response.status, body))

    assert answers == [answers[0]] * len(attempts)
    assert answers[0][0] == 401
    assert answers[0][1]["message"] == "failed to perform authentication over the entity"


async def test_a_secret_is_not_cut_at_72_bytes(users_api: Api) -> None:
    secret = "a" * 72
    await users_api.post("/users", json={"email": "long@example.com", "password": secret})

    response = await log_in(users_api, "long@example.com", secret + "b")

    assert response.status == 401


async def test_a_refresh_token_gets_the_next_pair(users_api: Api, alice: Account) -> None:
    response = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))

    body = await response.json()
    assert response.status == 201
    assert body.keys() == {"access_token", "refresh_token", "access_type"}
    assert claims_of(body["refresh_token"])["family"] == claims_of(alice.refresh_token)["family"]
    profile = await users_api.get("/users/profile", headers=bearer(body["access_token"]))
    assert profile.status == 200
    again = await users_api.post("/users/tokens/refresh", headers=bearer(body["refresh_token"]))
    assert again.status == 201


async def test_a_refresh_may_say_it_sends_json(users_api: Api, alice: Account) -> None:
    response = await users_api.post(
        "/users/tokens/refresh",
        headers={**bearer(alice.refresh_token), "Content-Type": "application/json"},
    )

    assert response.status == 201


async def test_only_refresh_tokens_refresh(users_api: Api, alice: Account) -> None:
    missing = await users_api.post("/users/tokens/refresh")
    in_body = await users_api.post(
        "/users/tokens/refresh", json={"refresh_token": alice.refresh_token}
    )
    access = await users_api.post("/users/tokens/refresh", headers=alice.headers)
    garbage = await users_api.post("/users/tokens/refresh", headers=bearer("garbage"))

    assert [missing.status, in_body.status, access.status, garbage.status] == [401] * 4


async def test_a_refresh_token_is_no_access_token(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/users/profile", headers=bearer(alice.refresh_token))

    assert response.status == 401


async def test_a_repeat_at_once_is_only_refused(users_api: Api, alice: Account) -> None:
    first = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
    second = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))

    latest = (await first.json())["refresh_token"]
    third = await users_api.post("/users/tokens/refresh", headers=bearer(latest))
    assert [first.status, second.status, third.status] == [201, 401, 201]


async def test_reuse_later_ends_the_family_and_no_other(
    users_api: Api, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await (await log_in(users_api, alice.identity)).json()
    first = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
    monkeypatch.setattr(logins, "REPEAT_ALLOWED", -logins.REPEAT_ALLOWED)

    reused = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))

    latest = (await first.json())["refresh_token"]
    ended = await users_api.post("/users/tokens/refresh", headers=bearer(latest))
    apart = await users_api.post("/users/tokens/refresh", headers=bearer(other["refresh_token"]))
    assert [reused.status, ended.status, apart.status] == [401, 401, 201]


async def test_a_disabled_account_neither_refreshes_nor_calls(
    users_api: Api, alice: Account, admin: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    refresh = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
    profile = await users_api.get("/users/profile", headers=alice.headers)

    assert (refresh.status, profile.status) == (401, 401)


async def test_logins_of_before_do_not_come_back_with_the_account(
    users_api: Api, alice: Account, admin: Account
) -> None:
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)
    await users_api.post(f"/users/{alice.id}/enable", headers=admin.headers)

    refresh = await users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))

    assert refresh.status == 401
    assert (await log_in(users_api, alice.identity)).status == 201


async def test_too_many_logins_at_once_are_asked_to_wait(new_users_api: NewApi) -> None:
    api = await new_users_api(USERS_BCRYPT_QUEUE="1", USERS_BCRYPT_COST="10")

    responses = await asyncio.gather(*(log_in(api, ADMIN, ADMIN_SECRET) for _ in range(5)))

    refused = [response for response in responses if response.status == 503]
    assert {response.status for response in responses} == {201, 503}
    assert all(response.headers["Retry-After"] for response in refused)


async def test_the_public_key_is_named_by_its_thumbprint(users_api: Api, alice: Account) -> None:
    response = await users_api.get("/.well-known/jwks.json")

    [key] = (await response.json())["keys"]
    members = json.dumps(
        {name: key[name] for name in ("crv", "kty", "x")}, separators=(",", ":"), sort_keys=True
    )
    thumbprint = urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
    assert response.status == 200
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert "d" not in key
    assert key["kid"] == thumbprint == jwt.get_unverified_header(alice.token)["kid"]
    jwt.decode(alice.token, jwt.PyJWK.from_dict(key), algorithms=["EdDSA"], issuer=ISSUER)


async def test_a_token_signed_by_another_key_is_refused(users_api: Api, alice: Account) -> None:
    header, payload, _ = alice.token.split(".")
    _, _, foreign = alice.refresh_token.split(".")

    response = await users_api.get(
        "/users/profile", headers=bearer(f"{header}.{payload}.{foreign}")
    )

    assert response.status == 401
