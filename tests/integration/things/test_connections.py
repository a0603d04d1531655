"""Things are connected to channels, one pair or many, all or none."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


async def things_and_channels(
    things_api: ThingsApi, user: User, count: int
) -> tuple[list[str], list[str]]:
    things = await things_api.call("POST", "/things/bulk", user, [{"name": "t"}] * count)
    channels = await things_api.call("POST", "/channels/bulk", user, [{"name": "c"}] * count)
    return (
        [thing["id"] for thing in things.body["things"]],
        [channel["id"] for channel in channels.body["channels"]],
    )


async def connections_of(things_api: ThingsApi, user: User, thing_ids: list[str]) -> int:
    total = 0
    for thing_id in thing_ids:
        answer = await things_api.call("GET", f"/things/{thing_id}/channels", user)
        total += answer.body["total"]
    return total


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_connection_is_answered_as_a_policy(
    things_api: ThingsApi, alice: User, method: str
) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)

    answer = await things_api.call(method, f"/channels/{channel['id']}/things/{thing['id']}", alice)

    assert answer.status == 201
    assert answer.body == {
        "owner_id": str(alice.id),
        "subject": thing["id"],
        "object": channel["id"],
        "actions": ["m_write", "m_read"],
        "created_at": answer.body["created_at"],
        "updated_at": answer.body["created_at"],
    }


async def test_connecting_again_replaces_the_actions(
    things_api: ThingsApi, alice: User, admin: User
) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)
    path = f"/channels/{channel['id']}/things/{thing['id']}"
    first = await things_api.call("PUT", path, alice)

    second = await things_api.call("PUT", path, admin, {"actions": ["m_read", "m_read"]})

    assert second.status == 201
    assert second.body == first.body | {
        "actions": ["m_read"],
        "updated_at": second.body["updated_at"],
        "updated_by": str(admin.id),
    }
    assert second.body["updated_at"] > first.body["created_at"]


async def test_a_body_of_a_connection_is_checked(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)
    path = f"/channels/{channel['id']}/things/{thing['id']}"

    bad = await things_api.call("PUT", path, alice, {"actions": ["m_write", "bogus"]})
    broken = await things_api.call("PUT", path, alice, data=b"{")
    plain = await things_api.call("PUT", path, alice, {}, headers={"Content-Type": "text/plain"})
    empty = await things_api.call("PUT", path, alice, data=b"")

    assert (bad.status, broken.status, plain.status, empty.status) == (400, 400, 415, 201)


async def test_a_thing_is_disconnected_once(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.connected_pair(alice)
    path = f"/channels/{channel['id']}/things/{thing['id']}"

    first = await things_api.call("DELETE", path, alice)
    second = await things_api.call("DELETE", path, alice)

    assert (first.status, first.body) == (204, None)
    assert second.outcome == (404, "not_connected")


@pytest.mark.parametrize(
    ("things", "channels"),
    [("thing_ids", "channel_ids"), ("subjects", "objects"), ("client_ids", "group_ids")],
)
async def test_many_are_connected_and_disconnected_in_every_generations_words(
    things_api: ThingsApi, alice: User, things: str, channels: str
) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 3)
    thing_ids.reverse()
    body = {things: [*thing_ids, thing_ids[0]], channels: channel_ids}

    connected = await things_api.call("POST", "/connect", alice, body)
    disconnected = await things_api.call("POST", "/disconnect", alice, body)
    again = await things_api.call("PUT", "/disconnect", alice, body)

    assert connected.status == 200
    policies = connected.body.pop("policies")
    assert connected.body == {"limit": 9, "offset": 0, "total": 9}
    assert [(policy["subject"], policy["object"]) for policy in policies] == [
        (thing_id, channel_id) for thing_id in thing_ids for channel_id in channel_ids
    ]
    assert {tuple(policy["actions"]) for policy in policies} == {("m_write", "m_read")}
    assert (disconnected.status, disconnected.body) == (204, None)
    assert again.status == 404


async def test_connecting_needs_known_things_and_channels_of_the_caller(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    (thing, *_), (channel, *_) = await things_and_channels(things_api, alice, 1)
    (others_thing, *_), (others_channel, *_) = await things_and_channels(things_api, bob, 1)
    unknown = str(uuid4())

    for bad_thing, bad_channel, user, status in (
        (unknown, channel, alice, 404),
        (thing, unknown, alice, 404),
        ("nope", channel, alice, 404),
        (others_thing, channel, alice, 403),
        (thing, others_channel, alice, 403),
        (thing, channel, bob, 403),
        (unknown, channel, admin, 404),
    ):
        one = await things_api.call("PUT", f"/channels/{bad_channel}/things/{bad_thing}", user)
        many = await things_api.call(
            "POST",
            "/connect",
            user,
            {"thing_ids": [thing, bad_thing], "channel_ids": [channel, bad_channel]},
        )
        many_apart = await things_api.call(
            "POST",
            "/disconnect",
            user,
            {"thing_ids": [thing, bad_thing], "channel_ids": [channel, bad_channel]},
        )

        assert (one.status, many.status) == (status, status)
        assert many_apart.status in {403, 404}

    assert await connections_of(things_api, alice, [thing]) == 0


async def test_an_admin_connects_what_is_others(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(bob)

    await things_api.connect(admin, thing, channel)

    seen = await things_api.call("GET", f"/channels/{channel['id']}/things", bob)
    (member,) = seen.body["things"]
    assert (member["credentials"], "key" in member) == ({}, False)
    removed = await things_api.call(
        "DELETE", f"/channels/{channel['id']}/things/{thing['id']}", bob
    )
    assert removed.status == 204


async def test_strangers_may_not_disconnect(things_api: ThingsApi, alice: User, bob: User) -> None:
    thing, channel = await things_api.connected_pair(alice)

    answer = await things_api.call("DELETE", f"/channels/{channel['id']}/things/{thing['id']}", bob)

    assert answer.status == 403
    assert await connections_of(things_api, alice, [thing["id"]]) == 1


MALFORMED: list[tuple[Any, int]] = [
    ({}, 400),
    ({"thing_ids": [], "channel_ids": ["{channel}"]}, 400),
    ({"thing_ids": ["{thing}"]}, 400),
    ({"thing_ids": [""], "channel_ids": ["{channel}"]}, 400),
    ({"thing_ids": ["{thing}"], "channel_ids": ["{channel}", ""]}, 400),
    ({"thing_ids": "{thing}", "channel_ids": ["{channel}"]}, 400),
    ({"thing_ids": ["nope"], "channel_ids": ["{channel}"]}, 404),
    ([], 400),
]


async def test_malformed_lists_are_refused(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.connected_pair(alice)

    for body, status in MALFORMED:
        text = str(body).replace("'", '"')
        data = text.replace("{thing}", thing["id"]).replace("{channel}", channel["id"]).encode()
        for path in ("/connect", "/disconnect"):
            answer = await things_api.call("POST", path, alice, data=data)

            assert answer.status == status, (path, body)
    assert await connections_of(things_api, alice, [thing["id"]]) == 1


async def test_an_unknown_action_connects_nothing(things_api: ThingsApi, alice: User) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 1)
    body = {"thing_ids": thing_ids, "channel_ids": channel_ids, "actions": ["publish"]}

    answer = await things_api.call("POST", "/connect", alice, body)

    assert answer.status == 400
    assert await connections_of(things_api, alice, thing_ids) == 0


async def test_one_pair_that_is_not_connected_keeps_all_connected(
    things_api: ThingsApi, alice: User
) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 2)
    first = {"thing_ids": thing_ids, "channel_ids": channel_ids[:1]}
    await things_api.call("POST", "/connect", alice, first)

    answer = await things_api.call(
        "POST", "/disconnect", alice, {"thing_ids": thing_ids, "channel_ids": channel_ids}
    )

    assert answer.outcome == (404, "not_connected")
    assert await connections_of(things_api, alice, thing_ids) == 2


async def test_ten_thousand_pairs_are_connected_and_more_are_refused(
    things_api: ThingsApi, alice: User
) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 101)
    most = {"thing_ids": thing_ids[:100], "channel_ids": channel_ids[:100]}
    too_many = {"thing_ids": thing_ids, "channel_ids": channel_ids[:100]}

    accepted = await things_api.call("POST", "/connect", alice, most)
    refused = await things_api.call("POST", "/connect", alice, too_many)

    assert (accepted.status, accepted.body["total"]) == (200, 10_000)
    assert refused.status == 413
    assert await connections_of(things_api, alice, thing_ids[100:]) == 0


async def test_one_of_many_who_disconnect_at_once_wins(things_api: ThingsApi, alice: User) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 3)
    body = {"thing_ids": thing_ids, "channel_ids": channel_ids}
    turned = {"thing_ids": thing_ids[::-1], "channel_ids": channel_ids[::-1]}
    await things_api.call("POST", "/connect", alice, body)

    answers = await asyncio.gather(
        *(things_api.call("POST", "/disconnect", alice, each) for each in [body, turned] * 6)
    )

    assert Counter(answer.status for answer in answers) == {204: 1, 404: 11}


async def test_all_of_many_who_connect_at_once_succeed(things_api: ThingsApi, alice: User) -> None:
    thing_ids, channel_ids = await things_and_channels(things_api, alice, 3)
    body = {"thing_ids": thing_ids, "channel_ids": channel_ids}
    turned = {"thing_ids": thing_ids[::-1], "channel_ids": channel_ids[::-1]}

    answers = await asyncio.gather(
        *(things_api.call("POST", "/connect", alice, each) for each in [body, turned] * 6)
    )

    assert {answer.status for answer in answers} == {200}
    assert await connections_of(things_api, alice, thing_ids) == 9


async def test_a_channels_things_are_listed_without_owner(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    other = await things_api.make_thing(alice, metadata={"a": 1}, status="disabled")
    await things_api.connect(alice, other, channel)
    path = f"/channels/{channel['id']}/things"

    shown = await things_api.call("GET", path, alice)
    everything = await things_api.call("GET", f"{path}?status=all&offset=1&limit=1", alice)
    metadata = quote('{"a":1}')
    filtered = await things_api.call("GET", f"{path}?status=disabled&metadata={metadata}", alice)

    del thing["owner"], other["owner"]
    assert shown.body == {"limit": 10, "offset": 0, "total": 1, "things": [thing]}
    assert everything.body == {"limit": 1, "offset": 1, "total": 2, "things": [other]}
    assert filtered.body["things"] == [other]


async def test_a_things_channels_are_listed(things_api: ThingsApi, alice: User, bob: User) -> None:
    thing, channel = await things_api.connected_pair(alice)
    other = await things_api.make_channel(alice, metadata={"a": 1}, status="disabled")
    await things_api.connect(alice, thing, other)
    path = f"/things/{thing['id']}/channels"

    shown = await things_api.call("GET", path, alice)
    everything = await things_api.call("GET", f"{path}?status=all&offset=1&limit=1", alice)
    hidden = await things_api.call("GET", path, bob)
    unknown = await things_api.call("GET", f"/things/{uuid4()}/channels", alice)

    assert shown.body == {"total": 1, "offset": 0, "limit": 10, "channels": [channel]}
    assert everything.body == {"total": 2, "offset": 1, "limit": 1, "channels": [other]}
    assert (hidden.status, unknown.status) == (404, 404)
