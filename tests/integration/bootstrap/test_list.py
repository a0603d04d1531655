"""Owners list their configs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.bootstrap import SetConfigBody, State
from shared.postgres.pool import Database
from tests.fixtures.services import User
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config


async def listed(api: Api, user: User, **query: str) -> dict[str, Any]:
    answer = await api.client.get("/things/configs", params=query, headers=user.headers)
    assert answer.status == 200, await answer.text()
    body: dict[str, Any] = await answer.json()
    return body


async def names(api: Api, user: User, **query: str) -> list[str]:
    return [config["name"] for config in (await listed(api, user, **query))["configs"]]


async def make_named(mappings: Mappings, *given: str) -> list[SetConfigBody]:
    return [await mappings.make(make_config(name=name)) for name in given]


async def test_a_list_shows_all_but_channels_and_certificates(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make(
        make_config(channels=[make_channel("data", "data")], client_cert="C", client_key="K")
    )

    page = await listed(bootstrap_api, alice)

    assert page == {
        "total": 1,
        "offset": 0,
        "limit": 10,
        "configs": [
            {
                "thing_id": str(config.thing_id),
                "thing_key": config.thing_secret,
                "mainflux_id": str(config.thing_id),
                "mainflux_key": config.thing_secret,
                "external_id": config.external_id,
                "external_key": config.external_key,
                "name": "gateway",
                "content": '{"agent":{}}',
                "state": 1,
            }
        ],
    }


async def test_an_empty_list_is_a_list(bootstrap_api: Api, alice: User) -> None:
    assert await listed(bootstrap_api, alice) == {
        "total": 0,
        "offset": 0,
        "limit": 10,
        "configs": [],
    }


async def test_a_list_holds_only_the_callers_configs(
    bootstrap_api: Api, mappings: Mappings, alice: User, bob: User
) -> None:
    await mappings.make(make_config(name="hers"))
    await mappings.make(make_config(name="his"), owner=bob)

    assert await names(bootstrap_api, alice) == ["hers"]
    assert await names(bootstrap_api, bob) == ["his"]


async def test_the_oldest_comes_first_and_ids_decide_between_equals(
    bootstrap_api: Api, mappings: Mappings, alice: User, database: Database
) -> None:
    first, *equals = await make_named(mappings, "first", "second", "third", "fourth")
    await database.execute(
        "UPDATE configs SET created_at = now() + interval '1 day' WHERE thing_id <> $1",
        first.thing_id,
    )

    equals.sort(key=lambda config: config.thing_id)
    assert await names(bootstrap_api, alice) == ["first", *(config.name for config in equals)]


async def test_pages_follow_each_other_and_tell_the_total(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    await make_named(mappings, "a", "b", "c", "d", "e")

    second = await listed(bootstrap_api, alice, offset="2", limit="2")
    beyond = await listed(bootstrap_api, alice, offset="100", limit="100")

    assert [config["name"] for config in second["configs"]] == ["c", "d"]
    assert (second["total"], second["offset"], second["limit"]) == (5, 2, 2)
    assert beyond == {"total": 5, "offset": 100, "limit": 100, "configs": []}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "offset=-1",
        "offset=x",
        "offset=9223372036854775808",
        "state=2",
        "state=foo",
        "state=-1",
        "state=0&state=1",
        "name=%00",
    ],
)
async def test_a_malformed_parameter_is_refused(
    bootstrap_api: Api, alice: User, query: str
) -> None:
    answer = await bootstrap_api.client.get(f"/things/configs?{query}", headers=alice.headers)

    assert answer.status == 400
    assert (await answer.json())["message"] == "something went wrong with the request"


async def test_the_largest_offset_is_not_too_large(bootstrap_api: Api, alice: User) -> None:
    page = await listed(bootstrap_api, alice, offset=str(2**63 - 1))

    assert page["configs"] == []


async def test_state_narrows_and_empty_does_not(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    await mappings.make(make_config(name="active"))
    await mappings.make(make_config(name="inactive", state=State.INACTIVE))

    assert await names(bootstrap_api, alice, state="1") == ["active"]
    assert await names(bootstrap_api, alice, state="0") == ["inactive"]
    assert await names(bootstrap_api, alice, state="") == ["active", "inactive"]


async def test_external_id_thing_id_and_thing_key_are_exact(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    wanted, other = await make_named(mappings, "wanted", "other")

    for query in (
        {"external_id": wanted.external_id},
        {"thing_id": str(wanted.thing_id)},
        {"thing_key": wanted.thing_secret},
        {"external_id": wanted.external_id, "thing_key": wanted.thing_secret, "state": "1"},
    ):
        assert await names(bootstrap_api, alice, **query) == ["wanted"]
    for query in (
        {"external_id": wanted.external_id[:-1]},
        {"external_id": wanted.external_id.upper()},
        {"thing_id": str(uuid4())},
        {"thing_id": "nope"},
        {"thing_key": wanted.thing_secret[:-1]},
        {"external_id": wanted.external_id, "thing_key": other.thing_secret},
    ):
        assert (await listed(bootstrap_api, alice, **query))["total"] == 0


async def test_a_strangers_keys_find_nothing(
    bootstrap_api: Api, mappings: Mappings, bob: User
) -> None:
    config = await mappings.make()

    assert (await listed(bootstrap_api, bob, thing_key=config.thing_secret))["total"] == 0


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("my", ["My gateway", "enemy"]),
        ("GATE", ["My gateway"]),
        ('"gate"', ["My gateway"]),
        ("100%", ["100% solar"]),
        ("%", ["100% solar"]),
        ("_", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("ÜBER", ["überall"]),
        ("nothing", []),
    ],
)
async def test_a_part_of_the_name_is_found_literally_whatever_its_case(
    bootstrap_api: Api, mappings: Mappings, alice: User, part: str, found: list[str]
) -> None:
    await make_named(mappings, "My gateway", "enemy", "100% solar", "a_b", "back\\slash", "überall")

    assert await names(bootstrap_api, alice, name=part) == found
