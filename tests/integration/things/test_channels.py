"""Channels are made, shown, listed, changed and removed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


async def test_a_new_channel_is_answered_whole_and_located(
    things_api: ThingsApi, alice: User
) -> None:
    answer = await things_api.call("POST", "/channels", alice, {"name": "mychan"})

    channel = answer.body
    assert answer.status == 201
    assert answer.headers["Location"] == f"/channels/{channel['id']}"
    assert channel == {
        "id": channel["id"],
        "owner_id": str(alice.id),
        "name": "mychan",
        "created_at": channel["created_at"],
        "updated_at": channel["created_at"],
        "status": "enabled",
    }
    assert (await things_api.call("GET", f"/channels/{channel['id']}", alice)).body == channel


async def test_a_channel_keeps_what_its_client_chose(things_api: ThingsApi, alice: User) -> None:
    parent = await things_api.make_channel(alice)
    chosen = {
        "id": str(uuid4()),
        "name": "child",
        "description": "north side",
        "parent_id": parent["id"],
        "metadata": {"type": "control"},
        "status": "disabled",
    }

    channel = await things_api.make_channel(alice, **chosen)

    assert {name: channel[name] for name in chosen} == chosen


async def test_nobody_makes_channels_for_somebody_else(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    for user in (alice, admin):
        channel = await things_api.make_channel(user, owner_id=str(bob.id))

        assert channel["owner_id"] == str(user.id)


async def test_names_need_not_be_unique(things_api: ThingsApi, alice: User) -> None:
    first = await things_api.make_channel(alice, name="same")
    second = await things_api.make_channel(alice, name="same")

    assert first["id"] != second["id"]


MALFORMED: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "x" * 1025},
    {"name": None},
    {"id": "nope"},
    {"parent_id": "nope"},
    {"parent_id": "9dd12d93-21c9-4147-92fe-769386efb6cc"},
    {"status": "all"},
    {"metadata": []},
    {"description": "a\0b"},
]


async def test_a_malformed_channel_is_refused_alone_and_in_bulk(
    things_api: ThingsApi, alice: User
) -> None:
    for members in MALFORMED:
        malformed = {"name": "channel"} | members
        alone = await things_api.call("POST", "/channels", alice, malformed)
        bulk = await things_api.call("POST", "/channels/bulk", alice, [{"name": "good"}, malformed])

        assert (alone.status, bulk.status) == (400, 400), members
    assert (await things_api.call("GET", "/channels?status=all", alice)).body["total"] == 0


async def test_a_parent_must_be_the_callers_own(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    parent = await things_api.make_channel(bob)

    answer = await things_api.call(
        "POST", "/channels", alice, {"name": "child", "parent_id": parent["id"]}
    )

    assert answer.outcome == (400, "unknown_parent")


async def test_a_parent_may_be_made_by_the_same_call(things_api: ThingsApi, alice: User) -> None:
    parent_id = str(uuid4())
    family = [{"name": "child", "parent_id": parent_id}, {"name": "parent", "id": parent_id}]

    answer = await things_api.call("POST", "/channels/bulk", alice, family)

    assert answer.status == 200
    assert answer.body["channels"][0]["parent_id"] == parent_id


async def test_a_taken_id_is_a_conflict(things_api: ThingsApi, alice: User, bob: User) -> None:
    channel = await things_api.make_channel(alice)

    taken = {"name": "b", "id": channel["id"]}

    alone = await things_api.call("POST", "/channels", bob, taken)
    bulk = await things_api.call("POST", "/channels/bulk", bob, [{"name": "good"}, taken])

    assert (alone.outcome, bulk.outcome) == ((409, "id_taken"),) * 2
    assert (await things_api.call("GET", "/channels", bob)).body["total"] == 0


async def test_many_channels_come_back_in_their_order(things_api: ThingsApi, alice: User) -> None:
    names = ["joe", "betty", "joe"]

    answer = await things_api.call(
        "POST", "/channels/bulk", alice, [{"name": name} for name in names]
    )

    assert (answer.status, answer.body["total"]) == (200, 3)
    assert [channel["name"] for channel in answer.body["channels"]] == names
    assert {channel["status"] for channel in answer.body["channels"]} == {"enabled"}
    listed = await things_api.call("GET", "/channels", alice)
    assert listed.body == {
        "total": 3,
        "offset": 0,
        "limit": 10,
        "channels": answer.body["channels"],
    }


async def test_a_list_is_filtered(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    await things_api.make_channel(alice, name="a", metadata={"type": "data"})
    await things_api.make_channel(alice, name="b")
    await things_api.make_channel(alice, name="off", status="disabled")
    await things_api.make_channel(bob, name="bob's")

    async def found(query: str, user: User = alice) -> list[str]:
        answer = await things_api.call("GET", f"/channels?{query}", user)
        assert answer.body["total"] == len(answer.body["channels"])
        return [channel["name"] for channel in answer.body["channels"]]

    assert await found("") == ["a", "b"]
    assert await found("level=1&tree=true") == ["a", "b"]
    assert await found("name=%22b%22") == ["b"]
    assert await found("metadata=" + quote('{"type":"data"}')) == ["a"]
    assert await found("status=disabled") == ["off"]
    assert await found(f"owner_id={bob.id}") == ["a", "b"]
    assert await found("", admin) == ["a", "b", "bob's"]
    assert await found(f"owner_id={bob.id}", admin) == ["bob's"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_members_are_replaced_as_given(
    things_api: ThingsApi, alice: User, method: str
) -> None:
    channel = await things_api.make_channel(alice, name="old", metadata={"a": 1})
    path = f"/channels/{channel['id']}"

    described = await things_api.call(method, path, alice, {"description": "d", "name": ""})
    renamed = await things_api.call(method, path, alice, {"name": "new", "metadata": {"b": 2}})

    assert described.status == 200
    assert described.body == channel | {
        "description": "d",
        "updated_at": described.body["updated_at"],
        "updated_by": str(alice.id),
    }
    assert renamed.body["name"] == "new"
    assert (renamed.body["description"], renamed.body["metadata"]) == ("d", {"b": 2})


async def test_a_change_of_nothing_leaves_the_channel_as_it_is(
    things_api: ThingsApi, alice: User
) -> None:
    channel = await things_api.make_channel(alice)
    path = f"/channels/{channel['id']}"

    unchanged = await things_api.call("PUT", path, alice, {})
    await things_api.call("POST", f"{path}/disable", alice)
    disabled = await things_api.call("PUT", path, alice, {})

    assert (unchanged.status, unchanged.body) == (200, channel)
    assert disabled.status == 404


async def test_a_channel_is_disabled_and_enabled_again(things_api: ThingsApi, alice: User) -> None:
    channel = await things_api.make_channel(alice)
    path = f"/channels/{channel['id']}"

    disabled = await things_api.call("POST", f"{path}/disable", alice)
    again = await things_api.call("POST", f"{path}/disable", alice)
    changed = await things_api.call("PUT", path, alice, {"name": "x"})
    enabled = await things_api.call("POST", f"{path}/enable", alice)

    assert (disabled.status, disabled.body["status"]) == (200, "disabled")
    assert disabled.body["updated_at"] > channel["updated_at"]
    assert disabled.body["updated_by"] == str(alice.id)
    assert again.outcome == (409, "status_already_assigned")
    assert changed.status == 404
    assert (enabled.status, enabled.body["status"]) == (200, "enabled")


async def test_others_channels_and_unknown_ones_are_not_found(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    channel = await things_api.make_channel(alice)

    for channel_id in (channel["id"], uuid4(), "nope"):
        path = f"/channels/{channel_id}"
        for method, tail, body in (
            ("GET", "", None),
            ("PUT", "", {"name": "x"}),
            ("POST", "/enable", None),
            ("POST", "/disable", None),
            ("DELETE", "", None),
            ("GET", "/things", None),
        ):
            answer = await things_api.call(method, path + tail, bob, body)

            assert (answer.status, answer.body["message"]) == (404, "entity not found")

    assert (await things_api.call("GET", f"/channels/{channel['id']}", alice)).body == channel


async def test_a_removed_channel_is_gone_from_everywhere(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    child = await things_api.make_channel(alice, parent_id=channel["id"])
    path = f"/channels/{channel['id']}"

    removed = await things_api.call("DELETE", path, alice)

    assert (removed.status, removed.body) == (204, None)
    assert (await things_api.call("GET", path, alice)).status == 404
    assert (await things_api.call("DELETE", path, alice)).status == 404
    channels = await things_api.call("GET", f"/things/{thing['id']}/channels", alice)
    assert channels.body["total"] == 0
    left = await things_api.call("GET", f"/channels/{child['id']}", alice)
    assert (left.status, left.body.get("parent_id")) == (200, None)
