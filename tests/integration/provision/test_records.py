"""`/mappings`: what became of gateways, and what happens when others break them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.provision.calls import (
    GATEWAY,
    PATH,
    delete,
    get,
    map_gateway,
    status,
    total,
    totals,
)
from tests.integration.provision.conftest import Platform
from tests.waiting import eventually


async def test_a_mapping_is_shown_with_its_steps_and_without_secrets(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice, GATEWAY | {"name": "gw"})).json()

    response = await get(platform, alice, PATH)

    body = await response.json()
    assert response.status == 200
    assert body["external_id"] == "33:52:79:C3:43"
    assert body["name"] == "gw"
    assert body["layout"] == "default"
    assert body["status"] == "active"
    assert body["things"] == [thing["id"] for thing in answer["things"]]
    assert body["channels"] == [channel["id"] for channel in answer["channels"]]
    assert {step["name"] for step in body["steps"]} == {"token", "entities", "config"}
    text = await response.text()
    assert "223334fw2" not in text
    assert answer["things"][0]["key"] not in text


async def test_a_refused_mapping_tells_why(
    platform: Platform, new_platform: Any, alice: User, bob: User
) -> None:
    other = await new_platform()
    await map_gateway(other, bob)
    await map_gateway(platform, alice)

    body = await (await get(platform, alice, PATH)).json()

    assert body["status"] == "undone"
    assert body["reason"] == "external_id_taken"


async def test_the_list_pages_and_filters(platform: Platform, alice: User, bob: User) -> None:
    for number in range(5):
        await map_gateway(platform, alice, GATEWAY | {"external_id": f"gateway {number}"})
    await map_gateway(platform, bob)

    async def found(query: str) -> list[str]:
        body = await (await get(platform, alice, f"/mappings?{query}")).json()
        return [mapping["external_id"] for mapping in body["mappings"]]

    page = await (await get(platform, alice, "/mappings?offset=1&limit=2")).json()
    assert (page["total"], page["offset"], page["limit"]) == (5, 1, 2)
    assert [mapping["external_id"] for mapping in page["mappings"]] == ["gateway 1", "gateway 2"]
    assert await found("external_id=gateway%203") == ["gateway 3"]
    assert await found("status=undone") == []
    assert len(await found("status=active")) == 5
    assert len(await found("since=2026-01-01T00:00:00Z")) == 5
    assert await found("since=2999-01-01T00:00:00%2B02:00") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "offset=-1", "status=done", "since=soon", "limit=1&limit=2"]
)
async def test_a_malformed_query_is_400(platform: Platform, alice: User, query: str) -> None:
    assert (await get(platform, alice, f"/mappings?{query}")).status == 400


async def test_nobody_else_sees_or_removes_a_mapping(
    platform: Platform, alice: User, bob: User, admin: User
) -> None:
    await map_gateway(platform, alice)

    for stranger in (bob, admin):
        assert (await get(platform, stranger, PATH)).status == 404
        assert (await delete(platform, stranger)).status == 404
        assert (await (await get(platform, stranger, "/mappings")).json())["total"] == 0
    assert await totals(platform, alice) == (1, 3, 1)


async def test_mappings_need_a_token(platform: Platform) -> None:
    for method, path in (("GET", "/mappings"), ("GET", PATH), ("DELETE", PATH)):
        assert (await platform.provision.request(method, path)).status == 401


async def test_a_broken_mapping_is_found_behind_a_failed_newer_one(
    platform: Platform, users_stand_in: UsersStandIn, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()
    await platform.things.delete(f"/things/{answer['things'][0]['id']}", headers=alice.headers)

    async def is_broken() -> bool:
        return await status(platform, alice) == "broken"

    await eventually(is_broken, what="a broken mapping")
    users_stand_in.refuse_exchanges = True
    assert (await map_gateway(platform, alice)).status == 401
    users_stand_in.refuse_exchanges = False

    async def is_found() -> bool:
        return await status(platform, alice) == "broken"

    await eventually(is_found, what="the broken mapping")
    assert (await delete(platform, alice)).status == 204
    assert await totals(platform, alice) == (0, 0, 0)


async def test_a_dry_run_tells_everything_and_makes_nothing(
    platform: Platform, alice: User
) -> None:
    response = await platform.provision.post(
        "/mapping?dry_run=true", json=GATEWAY | {"name": "gw"}, headers=alice.headers
    )

    plan = await response.json()
    assert response.status == 200
    assert plan["dry_run"] is True
    assert plan["is_replay"] is False
    assert plan["things"] == [{"name": "gw", "metadata": {"external_id": "33:52:79:C3:43"}}]
    assert [channel["name"] for channel in plan["channels"]] == [
        "control-channel",
        "data-channel",
        "export-channel",
    ]
    assert len(plan["connections"]) == 3
    assert plan["config"]["state"] == 1
    assert "223334fw2" not in await response.text()
    assert await totals(platform, alice) == (0, 0, 0)
    assert (await get(platform, alice, PATH)).status == 404


async def test_a_dry_run_of_a_mapped_gateway_finds_the_replay_or_the_conflict(
    platform: Platform, alice: User, bob: User
) -> None:
    await map_gateway(platform, alice)

    mine = await platform.provision.post(
        "/mapping?dry_run=true", json=GATEWAY, headers=alice.headers
    )
    bobs = await platform.provision.post("/mapping?dry_run=1", json=GATEWAY, headers=bob.headers)

    assert (await mine.json())["is_replay"] is True
    assert bobs.status == 409


@pytest.mark.parametrize("harm", ["disable the thing", "delete the thing", "delete the config"])
async def test_a_mapping_that_others_broke_is_replaced_by_the_next_request(
    platform: Platform, alice: User, harm: str
) -> None:
    before = await (await map_gateway(platform, alice)).json()
    thing = before["things"][0]["id"]
    match harm:
        case "disable the thing":
            await platform.things.post(f"/things/{thing}/disable", headers=alice.headers)
        case "delete the thing":
            await platform.things.delete(f"/things/{thing}", headers=alice.headers)
        case _:
            await platform.bootstrap.delete(f"/things/configs/{thing}", headers=alice.headers)

    async def is_broken() -> bool:
        return await status(platform, alice) == "broken"

    await eventually(is_broken, what="a broken mapping")
    response = await map_gateway(platform, alice, GATEWAY | {"external_key": "another key"})

    assert response.status == 201
    assert (await response.json())["things"][0]["id"] != thing
    assert await totals(platform, alice) == (1, 3, 1)
    assert await status(platform, alice) == "active"


async def test_a_repetition_tells_a_secret_that_was_changed_since(
    platform: Platform, alice: User
) -> None:
    before = await (await map_gateway(platform, alice)).json()
    thing = before["things"][0]["id"]
    await platform.things.patch(
        f"/things/{thing}/secret", json={"secret": "changed since"}, headers=alice.headers
    )

    again = await map_gateway(platform, alice)

    answer = await again.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert answer["things"][0]["key"] == "changed since"
    assert answer["things"][0]["credentials"] == {"secret": "changed since"}


async def test_only_a_stuck_or_broken_mapping_can_be_tried_again(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()

    active = await platform.provision.post(f"{PATH}/retry", headers=alice.headers)
    await platform.things.delete(f"/things/{answer['things'][0]['id']}", headers=alice.headers)

    async def is_broken() -> bool:
        return await status(platform, alice) == "broken"

    await eventually(is_broken, what="a broken mapping")
    broken = await platform.provision.post(f"{PATH}/retry", headers=alice.headers)
    unknown = await platform.provision.post("/mappings/unknown/retry", headers=alice.headers)

    assert active.status == 409
    assert (await active.json())["code"] == "nothing_to_retry"
    assert broken.status == 200
    assert (await broken.json())["status"] == "deleted"
    assert unknown.status == 404
    assert await totals(platform, alice) == (0, 0, 0)


async def test_many_mappings_at_once_by_one_and_by_many_are_all_right(
    platform: Platform, new_user: Any
) -> None:
    users = [new_user() for _ in range(4)]
    gate = asyncio.Semaphore(48)

    async def map_one(number: int) -> tuple[int, dict[str, Any]]:
        async with gate:
            body = {"external_id": f"gw-{number}", "external_key": "k", "name": f"name-{number}"}
            response = await map_gateway(platform, users[number % 4], body)
            return response.status, await response.json()

    results = await asyncio.gather(*(map_one(number) for number in range(192)))

    assert [status for status, _ in results] == [201] * 192
    assert [answer["things"][0]["name"] for _, answer in results] == [
        f"name-{number}" for number in range(192)
    ]
    assert [answer["things"][0]["owner"] for _, answer in results] == [
        str(users[number % 4].id) for number in range(192)
    ]
    for user in users:
        assert await totals(platform, user) == (48, 144, 48)
        assert await total(platform, user, "/things?status=disabled") == 0
