"""Who may map a gateway, and what is refused, with nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.provision.calls import (
    GATEWAY,
    map_gateway,
    totals,
)
from tests.integration.provision.conftest import Platform
from tests.waiting import eventually


async def test_a_bare_token_is_accepted(platform: Platform, alice: User) -> None:
    response = await platform.provision.post(
        "/mapping", json=GATEWAY, headers={"Authorization": alice.token}
    )

    assert response.status == 201


async def test_a_configured_api_key_stands_in_for_a_missing_token(
    new_platform: Callable[..., Awaitable[Platform]], alice: User
) -> None:
    platform = await new_platform(PROVISION_API_KEY=alice.token)

    response = await map_gateway(platform, None)

    assert response.status == 201
    assert await totals(platform, alice) == (1, 3, 1)


async def test_the_requests_token_wins_over_the_configured_one(
    new_platform: Callable[..., Awaitable[Platform]], alice: User, bob: User
) -> None:
    platform = await new_platform(PROVISION_API_KEY=alice.token)

    await map_gateway(platform, bob)

    assert await totals(platform, alice) == (0, 0, 0)
    assert await totals(platform, bob) == (1, 3, 1)


async def test_without_any_credentials_it_is_401_and_nothing_is_made(
    platform: Platform, alice: User
) -> None:
    response = await map_gateway(platform, None)

    assert response.status == 401
    assert (await response.json())["error"] == "missing or invalid bearer user token"


@pytest.mark.parametrize("header", ["Bearer garbage", "garbage", "Thing 223334fw2", "Bearer "])
async def test_a_bad_token_is_401_also_where_credentials_are_configured(
    new_platform: Callable[..., Awaitable[Platform]], alice: User, header: str
) -> None:
    platform = await new_platform(PROVISION_API_KEY=alice.token)

    response = await map_gateway(platform, None, Authorization=header)

    assert response.status == 401
    assert await totals(platform, alice) == (0, 0, 0)


async def test_an_expired_token_is_401(
    platform: Platform, alice: User, users_stand_in: UsersStandIn
) -> None:
    expired = User(alice.id, users_stand_in.token(alice.id, lifetime_seconds=-1))

    response = await map_gateway(platform, expired)

    assert response.status == 401


async def test_the_content_needs_a_token_and_no_content_type(
    platform: Platform, alice: User
) -> None:
    without = await platform.provision.get("/mapping")
    bad = await platform.provision.get("/mapping", headers={"Authorization": "Bearer garbage"})
    good = await platform.provision.get("/mapping", headers=alice.headers)

    assert (without.status, bad.status, good.status) == (401, 401, 200)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"external_id": "", "external_key": "k"}, "missing entity id"),
        ({"external_key": "k"}, "missing entity id"),
        ({"external_id": "x", "external_key": ""}, "missing or invalid bearer entity key"),
        ({"external_id": "x"}, "missing or invalid bearer entity key"),
        ({"external_id": 1, "external_key": "k"}, "Expected `str`, got `int` - at `$.external_id`"),
        ([], "Expected `object`, got `array`"),
        ({"external_id": "a\0", "external_key": "k"}, "NUL character in a string"),
        (
            {"external_id": "ä" * 513, "external_key": "k"},
            "external id longer than 1024 bytes",
        ),
        (
            {"external_id": "x", "external_key": "k", "name": "n" * 1025},
            "Expected `str` of length <= 1024 - at `$.name`",
        ),
    ],
)
async def test_an_incomplete_or_malformed_request_is_400_and_changes_nothing(
    platform: Platform, alice: User, body: Any, error: str
) -> None:
    response = await map_gateway(platform, alice, body)

    problem = await response.json()
    assert response.status == 400
    assert problem["error"] == error
    assert problem["message"] == "something went wrong with the request"
    assert await totals(platform, alice) == (0, 0, 0)


async def test_broken_json_is_400_and_another_content_type_415(
    platform: Platform, alice: User
) -> None:
    broken = await platform.provision.post(
        "/mapping", data=b"{", headers=alice.headers | {"Content-Type": "application/json"}
    )
    text = await platform.provision.post(
        "/mapping", data=b"{}", headers=alice.headers | {"Content-Type": "text/plain"}
    )
    with_charset = await platform.provision.post(
        "/mapping",
        data=json.dumps(GATEWAY).encode(),
        headers=alice.headers | {"Content-Type": "application/json; charset=utf-8"},
    )

    assert (broken.status, text.status, with_charset.status) == (400, 415, 201)


async def test_another_key_for_the_same_external_id_is_409_that_names_the_member(
    platform: Platform, alice: User
) -> None:
    await map_gateway(platform, alice)

    response = await map_gateway(platform, alice, GATEWAY | {"external_key": "other"})

    problem = await response.json()
    assert response.status == 409
    assert problem["code"] == "external_id_taken"
    assert problem["details"] == {"differs": ["external_key"]}
    assert await totals(platform, alice) == (1, 3, 1)


async def test_another_users_gateway_is_409_and_leaves_nothing(
    platform: Platform, alice: User, bob: User
) -> None:
    await map_gateway(platform, alice)

    response = await map_gateway(platform, bob)

    assert response.status == 409
    assert await totals(platform, bob) == (0, 0, 0)


async def test_an_external_id_that_bootstrap_refuses_leaves_nothing_and_reaches_the_caller(
    platform: Platform, new_platform: Callable[..., Awaitable[Platform]], alice: User, bob: User
) -> None:
    other_provision = await new_platform()  # with a journal of its own, so it does not know
    await map_gateway(other_provision, bob)

    response = await map_gateway(platform, alice)

    assert response.status == 409
    assert (await response.json())["message"] == "entity already exists"
    assert await totals(platform, alice) == (0, 0, 0)


@pytest.mark.parametrize("down", ["THINGS_LOCATION", "BS_SVC_URL"])
async def test_a_service_that_is_down_is_503_and_the_external_id_is_not_given_away(
    new_platform: Callable[..., Awaitable[Platform]], alice: User, down: str
) -> None:
    platform = await new_platform(
        PROVISION_ANSWER_PATIENCE="300ms", **{f"PROVISION_{down}": "http://127.0.0.1:1"}
    )

    response = await map_gateway(platform, alice)
    again = await map_gateway(platform, alice)

    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "127.0.0.1" not in await response.text()
    assert again.status == 409
    assert (await again.json())["code"] == "mapping_running"


async def test_what_failed_once_everything_is_back_succeeds(
    new_platform: Callable[..., Awaitable[Platform]],
    users_stand_in: UsersStandIn,
    alice: User,
) -> None:
    platform = await new_platform()
    users_stand_in.refuse_exchanges = True
    refused = await map_gateway(platform, alice)
    users_stand_in.refuse_exchanges = False

    async def mapped() -> ClientResponse | None:
        response = await map_gateway(platform, alice)
        return response if response.status != 409 else None

    response = await eventually(mapped, what="a free external id")
    assert refused.status == 401
    assert response.status == 201
    assert await totals(platform, alice) == (1, 3, 1)


async def test_there_is_no_cert_route(platform: Platform, alice: User) -> None:
    response = await platform.provision.post("/cert", json={}, headers=alice.headers)

    assert response.status == 404


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    external_id=st.text(max_size=40),
    external_key=st.text(max_size=40),
    name=st.text(max_size=40) | st.integers() | st.none(),
)
async def test_no_text_is_our_fault(
    platform: Platform, alice: User, external_id: str, external_key: str, name: Any
) -> None:
    body = {"external_id": external_id, "external_key": external_key, "name": name}

    response = await map_gateway(platform, alice, body)

    assert response.status in (201, 400, 409)
