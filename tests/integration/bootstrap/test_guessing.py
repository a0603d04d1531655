"""Nobody guesses a gateway's key, and nobody locks a gateway out by trying."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from aiohttp import ClientResponse
from nats.js import JetStreamContext

from tests.fixtures.services import User
from tests.integration.bootstrap.conftest import NewApi
from tests.integration.bootstrap.mappings import Api, Mappings, make_config
from tests.integration.bootstrap.test_events import told, told_until
from tests.waiting import eventually


@pytest.fixture
async def strict_api(new_api: NewApi) -> Api:
    """Three failures are enough; the tests are a proxy in front."""
    return await new_api(BOOTSTRAP_FETCH_FAILURES_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.0/8,::1")


async def fetch_from(api: Api, address: str, external_id: str, key: str) -> ClientResponse:
    return await api.client.get(
        f"/things/bootstrap/{external_id}",
        headers={"Authorization": f"Thing {key}", "X-Forwarded-For": address},
    )


@pytest.mark.parametrize("secure", [False, True])
async def test_who_fails_too_often_is_refused_before_his_key_is_looked_at(
    strict_api: Api, mappings_in: Callable[[Api], Mappings], secure: bool
) -> None:
    config = await mappings_in(strict_api).make()
    failed = [await strict_api.fetch(config.external_id, "wrong", secure=secure) for _ in range(3)]

    refused = await strict_api.fetch(config.external_id, config.external_key)

    assert [answer.status for answer in failed] == [403] * 3
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (await refused.json())["code"] == "too_many_requests"


async def test_guessing_ids_is_limited_too(strict_api: Api) -> None:
    external_id = f"unknown-{uuid4()}"

    statuses = [(await strict_api.fetch(external_id, "key")).status for _ in range(4)]

    assert statuses == [404, 404, 404, 429]


async def test_successes_are_never_counted(
    strict_api: Api, mappings_in: Callable[[Api], Mappings]
) -> None:
    config = await mappings_in(strict_api).make()

    statuses = {
        (await strict_api.fetch(config.external_id, config.external_key)).status for _ in range(10)
    }

    assert statuses == {200}


async def test_a_stranger_cannot_lock_a_gateway_out(
    strict_api: Api, mappings_in: Callable[[Api], Mappings]
) -> None:
    config = await mappings_in(strict_api).make()
    for number in range(24):
        await fetch_from(strict_api, f"192.0.2.{number}", config.external_id, "wrong")

    answer = await fetch_from(strict_api, "198.51.100.7", config.external_id, config.external_key)

    assert answer.status == 200


async def test_many_refusals_are_told_once_and_counted(
    strict_api: Api,
    mappings_in: Callable[[Api], Mappings],
    jetstream: JetStreamContext,
    alice: User,
) -> None:
    config = await mappings_in(strict_api).make()

    await asyncio.gather(
        *(
            fetch_from(strict_api, f"192.0.2.{number}", config.external_id, "wrong")
            for number in range(30)
        )
    )

    await told_until(jetstream, config.thing_id, "fetch_refused")
    events = [event for event in await told(jetstream, config.thing_id) if event[0] != "created"]
    metrics = await (await strict_api.client.get("/metrics")).text()
    assert events == [
        (
            "fetch_refused",
            {"thing_id": str(config.thing_id), "owner_id": str(alice.id), "failures": 20},
        )
    ]
    assert 'bootstrap_fetches_total{result="refused"}' in metrics


async def test_the_owner_sees_the_last_attempt(
    strict_api: Api, mappings_in: Callable[[Api], Mappings], alice: User
) -> None:
    config = await mappings_in(strict_api).make()
    before = await (await strict_api.view(config.thing_id, alice)).json()
    await strict_api.fetch(config.external_id, config.external_key)
    await fetch_from(strict_api, "192.0.2.9", config.external_id, "wrong")

    async def last_fetch() -> dict[str, str]:
        body = await (await strict_api.view(config.thing_id, alice)).json()
        return dict(body.get("last_fetch", {}))

    seen = await eventually(last_fetch, what="the last fetch")
    assert "last_fetch" not in before
    assert (seen["address"], seen["result"]) == ("192.0.2.9", "refused")
    assert seen["time"].endswith("Z")


async def test_the_first_fetch_is_told_once(
    bootstrap_api: Api, mappings: Mappings, jetstream: JetStreamContext, alice: User
) -> None:
    config, other = await mappings.make(make_config()), await mappings.make(make_config())
    await bootstrap_api.fetch(other.external_id, "wrong")
    await bootstrap_api.fetch(config.external_id, config.external_key)
    await bootstrap_api.fetch(config.external_id, "wrong")
    await told_until(jetstream, config.thing_id, "first_fetched")
    await bootstrap_api.fetch(config.external_id, config.external_key)

    await bootstrap_api.client.server.close()  # which writes down what is left

    kinds = [kind for kind, _ in await told(jetstream, config.thing_id)]
    assert kinds == ["created", "first_fetched"]
    assert [kind for kind, _ in await told(jetstream, other.thing_id)] == ["created"]
