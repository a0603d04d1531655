"""Channels have parents: a list shows a channel's children or parents, flat or as a tree."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


@pytest.fixture
async def family(things_api: ThingsApi, alice: User) -> dict[str, str]:
    """Ids by name: a is over b and c, b is over d; x stands alone."""
    ids: dict[str, str] = {}
    for name, parent in (("a", ""), ("b", "a"), ("c", "a"), ("d", "b"), ("x", "")):
        channel = await things_api.make_channel(alice, name=name, parent_id=ids.get(parent, ""))
        ids[name] = channel["id"]
    return ids


async def found(things_api: ThingsApi, user: User, query: str) -> list[tuple[str, int]]:
    answer = await things_api.call("GET", f"/channels?{query}", user)
    assert (answer.status, answer.body["total"]) == (200, len(answer.body["channels"]))
    return [(channel["name"], channel.get("level", 0)) for channel in answer.body["channels"]]


async def test_children_are_listed_with_their_levels_and_paths(
    things_api: ThingsApi, alice: User, family: dict[str, str]
) -> None:
    parent = f"parent_id={family['a']}"

    answer = await things_api.call("GET", f"/channels?{parent}", alice)

    assert await found(things_api, alice, parent) == [("a", 0), ("b", 1), ("c", 1), ("d", 2)]
    assert await found(things_api, alice, f"{parent}&dir=-1&level=1") == [
        ("a", 0),
        ("b", 1),
        ("c", 1),
    ]
    assert await found(things_api, alice, f"{parent}&level=0") == [("a", 0)]
    assert await found(things_api, alice, f"{parent}&name=d") == [("d", 2)]
    last = answer.body["channels"][3]
    assert last["path"] == ".".join(family[name] for name in "abd")
    assert last["parent_id"] == family["b"]


async def test_parents_are_listed_with_negative_levels(
    things_api: ThingsApi, alice: User, family: dict[str, str]
) -> None:
    parent = f"parent_id={family['d']}"

    assert await found(things_api, alice, f"{parent}&dir=1") == [("a", -2), ("b", -1), ("d", 0)]
    assert await found(things_api, alice, f"{parent}&dir=0&level=1") == [("b", -1), ("d", 0)]


async def test_a_page_of_a_family_has_its_total(
    things_api: ThingsApi, alice: User, family: dict[str, str]
) -> None:
    answer = await things_api.call(
        "GET", f"/channels?parent_id={family['a']}&offset=1&limit=2", alice
    )
    beyond = await things_api.call("GET", f"/channels?parent_id={family['a']}&offset=9", alice)

    assert [channel["name"] for channel in answer.body["channels"]] == ["b", "c"]
    assert (answer.body["total"], answer.body["offset"], answer.body["limit"]) == (4, 1, 2)
    assert (beyond.body["total"], beyond.body["channels"]) == (4, [])


async def test_a_tree_nests_children_in_their_parents(
    things_api: ThingsApi, alice: User, family: dict[str, str]
) -> None:
    def shape(channels: list[dict[str, Any]]) -> dict[str, Any]:
        return {each["name"]: shape(each.get("children", [])) for each in channels}

    everything = await things_api.call("GET", "/channels?tree=true", alice)
    part = await things_api.call("GET", f"/channels?tree=true&parent_id={family['b']}", alice)

    assert shape(everything.body["channels"]) == {"a": {"b": {"d": {}}, "c": {}}, "x": {}}
    assert everything.body["total"] == 5
    assert shape(part.body["channels"]) == {"b": {"d": {}}}


async def test_only_what_one_may_see_of_a_family_is_listed(
    things_api: ThingsApi,
    users_stand_in: UsersStandIn,
    alice: User,
    bob: User,
    admin: User,
    family: dict[str, str],
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    parent = f"parent_id={family['a']}"
    assert await found(things_api, bob, parent) == []

    await things_api.share(alice, {"id": family["d"]}, bob, "g_list")

    assert await found(things_api, bob, parent) == [("d", 2)]
    assert len(await found(things_api, admin, parent)) == 4
    assert await found(things_api, alice, f"parent_id={uuid4()}") == []


async def test_channels_that_are_each_others_parents_are_listed(
    things_api: ThingsApi, alice: User
) -> None:
    first, second = str(uuid4()), str(uuid4())
    ring = [
        {"id": first, "name": "first", "parent_id": second},
        {"id": second, "name": "second", "parent_id": first},
    ]
    assert (await things_api.call("POST", "/channels/bulk", alice, ring)).status == 200

    down = await found(things_api, alice, f"parent_id={first}")
    tree = await things_api.call("GET", "/channels?tree=true", alice)

    assert down == [("first", 0), ("second", 1)]
    assert {channel["name"] for channel in tree.body["channels"]} == {"first", "second"}


async def test_a_malformed_family_query_is_refused(things_api: ThingsApi, alice: User) -> None:
    wrong = ("level=6", "level=-1", "level=x", "dir=2", "dir=up", "tree=perhaps", "parent_id=nope")
    for query in wrong:
        answer = await things_api.call("GET", f"/channels?{query}", alice)

        assert answer.status == 400, query
