"""A channel is shared with another user, who then may do what the share says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


@pytest.fixture
async def shared(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, bob: User
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Alice's thing in her channel; she may share with bob."""
    users_stand_in.allow(alice.id, bob.id, "c_share")
    return await things_api.connected_pair(alice)


async def names(things_api: ThingsApi, user: User, path: str) -> list[str]:
    answer = await things_api.call("GET", path, user)
    assert answer.status == 200
    (key,) = answer.body.keys() & {"things", "channels"}
    assert answer.body["total"] == len(answer.body[key])
    return [entity["id"] for entity in answer.body[key]]


async def test_sharing_answers_201_without_a_body_and_adds_what_follows(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    _, channel = shared

    answer = await things_api.share(alice, channel, bob, "c_update", "m_read")

    assert (answer.status, answer.body) == (201, None)
    listed = await things_api.call("GET", f"/policies?client={bob.id}", alice)
    (policy,) = listed.body["policies"]
    assert policy == {
        "owner_id": str(alice.id),
        "subject": str(bob.id),
        "object": channel["id"],
        "actions": ["c_update", "m_read", "c_list", "g_list"],
        "created_at": policy["created_at"],
        "updated_at": policy["created_at"],
    }


async def test_sharing_again_replaces_the_actions(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    _, channel = shared
    await things_api.share(alice, channel, bob, "c_update")

    await things_api.share(alice, channel, bob, "m_read")

    listed = await things_api.call("GET", f"/policies?client={bob.id}", alice)
    (policy,) = listed.body["policies"]
    assert policy["actions"] == ["m_read"]
    assert policy["updated_at"] > policy["created_at"]
    assert policy["updated_by"] == str(alice.id)


async def test_sharing_needs_the_right_to_share_with_that_user(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    channel = await things_api.make_channel(alice)

    refused = await things_api.share(alice, channel, bob, "c_list")
    by_admin = await things_api.share(admin, channel, bob, "c_list")

    assert refused.outcome == (403, "forbidden")
    assert by_admin.status == 201


async def test_sharing_needs_users(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, admin: User
) -> None:
    channel = await things_api.make_channel(alice)
    nobody = User(uuid4(), "")

    by_admin = await things_api.share(admin, channel, nobody, "c_list")
    by_owner = await things_api.share(alice, channel, nobody, "c_list")

    assert by_admin.outcome == (404, "user_not_found")
    assert by_owner.status == 403


async def test_only_what_one_may_do_oneself_is_passed_on(
    things_api: ThingsApi,
    users_stand_in: UsersStandIn,
    shared: tuple[dict[str, Any], dict[str, Any]],
    new_user: Any,
    alice: User,
    bob: User,
) -> None:
    _, channel = shared
    carol = new_user()
    users_stand_in.allow(bob.id, carol.id, "c_share")
    stranger = await things_api.share(bob, channel, carol, "c_list")
    await things_api.share(alice, channel, bob, "g_add", "c_list")

    more = await things_api.share(bob, channel, carol, "c_list", "c_update")
    as_much = await things_api.share(bob, channel, carol, "c_list")

    assert (stranger.status, more.status, as_much.status) == (403, 403, 201)


async def test_a_shared_thing_is_seen_listed_and_not_changed(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    path = f"/things/{thing['id']}"
    own = await things_api.make_thing(bob)
    assert (await things_api.call("GET", path, bob)).status == 404

    await things_api.share(alice, channel, bob, "c_list")

    seen = await things_api.call("GET", path, bob)
    assert (seen.status, seen.body["credentials"], "key" in seen.body) == (200, {}, False)
    assert await names(things_api, bob, "/things?visibility=shared") == [thing["id"]]
    assert await names(things_api, bob, "/things?visibility=all") == [thing["id"], own["id"]]
    assert await names(things_api, bob, "/things?visibility=all&limit=2&status=all") == [
        thing["id"],
        own["id"],
    ]
    assert await names(things_api, bob, "/things?visibility=shared&name=nobody") == []
    assert await names(things_api, bob, "/things") == [own["id"]]
    assert await names(things_api, alice, "/things?visibility=shared") == []
    for method, tail, body, status in (
        ("PATCH", "", {"name": "hack"}, 403),
        ("PUT", "", {"name": "hack"}, 403),
        ("PATCH", "/tags", {"tags": ["a"]}, 403),
        ("PATCH", "/secret", {"secret": "x"}, 403),
        ("PATCH", "/owner", {"owner": str(bob.id)}, 403),
        ("POST", "/disable", None, 403),
        ("DELETE", "", None, 404),
    ):
        answer = await things_api.call(method, path + tail, bob, body)

        assert answer.status == status
    assert (await things_api.call("GET", path, alice)).body == thing


async def test_a_shared_channel_is_seen_and_listed_with_its_things(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    path = f"/channels/{channel['id']}"
    own = await things_api.make_channel(bob)

    await things_api.share(alice, channel, bob, "g_list")

    assert (await things_api.call("GET", path, bob)).body == channel
    assert await names(things_api, bob, "/channels") == [channel["id"], own["id"]]
    assert await names(things_api, bob, "/channels?name=channel&status=all") == [
        channel["id"],
        own["id"],
    ]
    assert await names(things_api, bob, f"{path}/things") == [thing["id"]]
    assert (await things_api.call("GET", f"/things/{thing['id']}", bob)).status == 404
    assert (await things_api.call("PUT", path, bob, {"name": "hack"})).status == 403
    assert (await things_api.call("POST", f"{path}/disable", bob)).status == 403
    assert (await things_api.call("DELETE", path, bob)).status == 404


async def test_holders_of_c_update_change_things_and_see_secrets_everywhere(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    await things_api.share(alice, channel, bob, "c_update")
    path = f"/things/{thing['id']}"

    for method, target, body in (
        ("GET", path, None),
        ("PATCH", path, {"name": "new"}),
        ("PATCH", f"{path}/tags", {"tags": ["new"]}),
        ("PATCH", f"{path}/secret", {"secret": thing["key"]}),
    ):
        answer = await things_api.call(method, target, bob, body)

        assert (answer.status, answer.body["key"]) == (200, thing["key"])
    for target in ("/things?visibility=shared", f"/channels/{channel['id']}/things"):
        (listed,) = (await things_api.call("GET", target, bob)).body["things"]
        assert listed["credentials"] == {"secret": thing["key"]}
    taken = await things_api.call("PATCH", f"{path}/owner", bob, {"owner": str(bob.id)})
    assert taken.status == 403


async def test_a_share_allows_to_disable_and_enable(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    await things_api.share(alice, channel, bob, "c_delete", "g_delete", "g_update")

    for path in (f"/things/{thing['id']}", f"/channels/{channel['id']}"):
        disabled = await things_api.call("POST", f"{path}/disable", bob)
        enabled = await things_api.call("POST", f"{path}/enable", bob)

        assert (disabled.status, enabled.status) == (200, 200)
        assert "key" not in disabled.body
    renamed = await things_api.call("PUT", f"/channels/{channel['id']}", bob, {"name": "new"})
    assert (renamed.status, renamed.body["updated_by"]) == (200, str(bob.id))


async def test_a_share_allows_to_connect_own_things(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    _, channel = shared
    own = await things_api.make_thing(bob)
    path = f"/channels/{channel['id']}/things/{own['id']}"
    await things_api.share(alice, channel, bob, "g_add", "m_read")

    more = await things_api.call("PUT", path, bob)
    as_much = await things_api.call("PUT", path, bob, {"actions": ["m_read"]})
    undone = await things_api.call("DELETE", path, bob)

    assert (more.status, as_much.status, undone.status) == (403, 201, 204)


async def test_the_end_of_sharing_is_known_at_once(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    await things_api.share(alice, channel, bob, "c_update", "g_update")

    ended = await things_api.call("DELETE", f"/policies/{bob.id}/{channel['id']}", alice)

    assert ended.status == 204
    assert (await things_api.call("GET", f"/things/{thing['id']}", bob)).status == 404
    assert (await things_api.call("GET", f"/channels/{channel['id']}", bob)).status == 404
    assert await names(things_api, bob, "/things?visibility=all") == []
    assert await names(things_api, bob, "/channels") == []


async def test_a_thing_leaves_the_share_with_its_channel(
    things_api: ThingsApi, shared: tuple[dict[str, Any], dict[str, Any]], alice: User, bob: User
) -> None:
    thing, channel = shared
    await things_api.share(alice, channel, bob, "c_list")

    await things_api.call("DELETE", f"/channels/{channel['id']}/things/{thing['id']}", alice)

    assert (await things_api.call("GET", f"/things/{thing['id']}", bob)).status == 404
    assert await names(things_api, bob, "/things?visibility=shared") == []
