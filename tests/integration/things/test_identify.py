"""A device's secret tells which thing it is, until the secret or the thing changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from services.things.app import create_app
from services.things.settings import ThingsSettings
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi
from tests.waiting import eventually

CHANGES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("PATCH", "/secret", {"secret": "new"}),
    ("PATCH", "/key", {"key": "newer"}),
    ("POST", "/disable", None),
    ("DELETE", "", None),
]


@pytest.fixture
async def other_process(
    things_api: ThingsApi, things_settings: ThingsSettings, aiohttp_client: AiohttpClient
) -> ThingsApi:
    """A second instance on the same database, with a cache of its own that listens."""
    api = ThingsApi(await aiohttp_client(create_app(things_settings)))

    async def listens() -> bool:
        ready = [await each.call("GET", "/ready") for each in (api, things_api)]
        return all(answer.body["checks"]["redis"] == "up" for answer in ready)

    await eventually(listens, what="a listening cache")
    return api


async def test_a_secret_tells_its_thing(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice)

    answer = await things_api.identify(thing["key"])

    assert (answer.status, answer.body) == (200, {"id": thing["id"]})


NO_SECRETS = [
    (None, 401),
    ("", 401),
    ("Thing ", 401),
    ("Thing", 401),
    ("{key}", 401),
    ("Bearer {key}", 401),
    ("Client {key}", 401),
    ("thing {key}", 401),
    ("Thing unknown", 404),
    ("Thing ünknown", 404),
]


async def test_what_is_no_secret_of_a_thing_tells_nothing(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(alice)

    for authorization, status in NO_SECRETS:
        headers = (
            {}
            if authorization is None
            else {"Authorization": authorization.replace("{key}", thing["key"])}
        )
        answer = await things_api.call("POST", "/identify", headers=headers)

        assert answer.status == status, authorization


async def test_a_change_is_known_at_once_and_by_push_elsewhere(
    things_api: ThingsApi, other_process: ThingsApi, alice: User
) -> None:
    for method, tail, body in CHANGES:
        thing = await things_api.make_thing(alice)
        for api in (things_api, other_process):
            assert (await api.identify(thing["key"])).status == 200

        changed = await things_api.call(method, f"/things/{thing['id']}{tail}", alice, body)

        assert changed.status in {200, 204}
        assert (await things_api.identify(thing["key"])).status == 404

        async def is_known(key: str = thing["key"]) -> bool:
            return (await other_process.identify(key)).status == 404

        await eventually(is_known, within_seconds=30, what=f"{method} {tail}")


async def test_a_new_secret_and_an_enabled_thing_are_known_at_once(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(alice, key="old")
    path = f"/things/{thing['id']}"

    await things_api.call("PATCH", f"{path}/secret", alice, {"secret": "new"})
    await things_api.call("POST", f"{path}/disable", alice)
    disabled = await things_api.identify("new")
    await things_api.call("POST", f"{path}/enable", alice)
    enabled = await things_api.identify("new")

    assert (disabled.status, enabled.status) == (404, 200)


async def test_a_secret_that_changes_all_the_time_is_never_remembered_wrongly(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(alice, key="key 0")
    path = f"/things/{thing['id']}/secret"
    is_over = asyncio.Event()

    async def keep_asking() -> None:
        while not is_over.is_set():
            await asyncio.gather(*(things_api.identify(f"key {number}") for number in range(6)))

    asking = asyncio.create_task(keep_asking())
    for turn in range(1, 13):
        await things_api.call("PATCH", path, alice, {"secret": f"key {turn % 6}"})
        answers = [(await things_api.identify(f"key {number}")).status for number in range(6)]
        assert answers == [200 if number == turn % 6 else 404 for number in range(6)]
    is_over.set()
    await asking
