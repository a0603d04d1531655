"""Limits on guessing passwords, on registering, and on asking for links."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from aiohttp import ClientResponse

from tests.integration.users.conftest import SECRET, Api, NewApi, log_in, sign_up, user_body


def from_address(address: str) -> dict[str, str]:
    """What a trusted proxy says."""
    return {"X-Forwarded-For": address}


def unused_address() -> str:
    """One that no other test counts for."""
    return f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}"


async def guess(api: Api, identity: str, headers: Mapping[str, str]) -> ClientResponse:
    """A wrong password."""
    body = {"identity": identity, "secret": "wrong"}
    return await api.post("/users/tokens/issue", json=body, headers=headers)


async def test_guessing_a_password_ends_for_that_address_and_that_name(
    new_users_api: NewApi,
) -> None:
    api = await new_users_api(
        USERS_LOGIN_FAILURES_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.1/32,::1/128"
    )
    alice, bob = await sign_up(api), await sign_up(api)
    here, there = from_address(unused_address()), from_address(unused_address())
    right = {"identity": alice.identity, "secret": SECRET}

    guesses = [await guess(api, alice.identity, here) for _ in range(4)]
    in_capitals = await guess(api, alice.identity.upper(), here)
    legacy = await api.post(
        "/tokens", json={"email": alice.identity, "password": SECRET}, headers=here
    )
    correct = await api.post("/users/tokens/issue", json=right, headers=here)
    elsewhere = await api.post("/users/tokens/issue", json=right, headers=there)
    somebody = await guess(api, bob.identity, here)

    assert [answer.status for answer in guesses] == [401, 401, 401, 429]
    assert [answer.status for answer in (in_capitals, legacy, correct)] == [429] * 3
    assert int(correct.headers["Retry-After"]) in range(1, 61)
    assert (await correct.json())["code"] == "too_many_requests"
    assert (elsewhere.status, somebody.status) == (201, 401)


async def test_unknown_names_are_limited_like_known_ones_and_successes_are_not_counted(
    new_users_api: NewApi,
) -> None:
    api = await new_users_api(USERS_LOGIN_FAILURES_PER_MINUTE="2")
    alice, nobody = await sign_up(api), f"{uuid4().hex}@example.com"

    right = [(await log_in(api, alice.identity)).status for _ in range(4)]
    unknown = [(await log_in(api, nobody)).status for _ in range(3)]

    assert right == [201] * 4
    assert unknown == [401, 401, 429]


async def test_an_old_password_is_not_guessed_with_a_stolen_token(new_users_api: NewApi) -> None:
    api = await new_users_api(USERS_LOGIN_FAILURES_PER_MINUTE="2")
    alice = await sign_up(api)

    statuses = [
        (
            await api.patch(
                "/users/secret",
                json={"old_secret": old, "new_secret": "another secret"},
                headers=alice.headers,
            )
        ).status
        for old in ("wrong", "wrong", SECRET)
    ]

    assert statuses == [401, 401, 429]


async def test_registrations_of_one_address_have_an_end_and_those_with_a_token_have_not(
    new_users_api: NewApi,
) -> None:
    api = await new_users_api(USERS_REGISTRATIONS_PER_MINUTE="2", TRUSTED_PROXIES="127.0.0.0/8,::1")
    here, there = from_address(unused_address()), from_address(unused_address())

    async def register(headers: Mapping[str, str]) -> ClientResponse:
        body = user_body(f"{uuid4().hex}@example.com")
        return await api.post("/users", json=body, headers=headers)

    first = [await register(here) for _ in range(3)]
    elsewhere = await register(there)
    body = await first[0].json()
    token = (await (await log_in(api, body["credentials"]["identity"])).json())["access_token"]
    owned = await register(here | {"Authorization": token})

    assert [answer.status for answer in first] == [201, 201, 429]
    assert (elsewhere.status, owned.status) == (201, 201)


async def test_requests_for_links_have_an_end(new_users_api: NewApi, tmp_path: object) -> None:
    api = await new_users_api(
        USERS_RESET_REQUESTS_PER_MINUTE="2",
        USERS_MAIL_FOLDER=f"{tmp_path}/mail",
        TRUSTED_PROXIES="127.0.0.0/8,::1",
    )
    headers = from_address(unused_address()) | {"Referer": "http://localhost"}

    statuses = [
        (
            await api.post(
                "/password/reset-request", json={"email": "nobody@example.com"}, headers=headers
            )
        ).status
        for _ in range(3)
    ]

    assert statuses == [201, 201, 429]


async def test_limits_hold_while_redis_is_down(new_users_api: NewApi) -> None:
    api = await new_users_api(USERS_LOGIN_FAILURES_PER_MINUTE="2", REDIS_URL="redis://127.0.0.1:1")
    alice = await sign_up(api)

    statuses = [(await log_in(api, alice.identity, "wrong")).status for _ in range(3)]

    assert statuses == [401, 401, 429]
