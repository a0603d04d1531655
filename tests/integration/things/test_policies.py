"""Connections and shares in the words of the current clients."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


def policy(thing: dict[str, Any], channel: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"subject": thing["id"], "object": channel["id"], **members}


async def test_a_policy_connects_a_thing(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)

    made = await things_api.call("POST", "/policies", alice, policy(thing, channel))
    again = await things_api.call(
        "POST", "/policies", alice, policy(thing, channel, actions=["m_read"])
    )

    assert (made.status, made.body, again.status) == (201, None, 201)
    assert made.headers["Content-Type"].startswith("application/json")
    listed = await things_api.call("GET", f"/policies?client={thing['id']}", alice)
    assert listed.body["total"] == 1
    assert listed.body["policies"][0]["actions"] == ["m_read"]
    things = await things_api.call("GET", f"/channels/{channel['id']}/things", alice)
    assert things.body["total"] == 1


MALFORMED: list[tuple[dict[str, Any], int]] = [
    ({"subject": ""}, 400),
    ({"object": ""}, 400),
    ({"actions": ["bogus"]}, 400),
    ({"actions": "m_read"}, 400),
    ({"external": "yes"}, 400),
    ({"subject": "nope"}, 404),
    ({"object": "nope"}, 404),
    ({"subject": str(uuid4())}, 404),
    ({"object": str(uuid4())}, 404),
    ({"object": str(uuid4()), "external": True}, 404),
]


async def test_a_malformed_or_unknown_policy_is_refused(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)

    for changed, status in MALFORMED:
        answer = await things_api.call("POST", "/policies", alice, policy(thing, channel) | changed)

        assert answer.status == status, changed
    assert (await things_api.call("GET", "/policies", alice)).body["total"] == 0


async def test_strangers_make_no_policies_and_an_admin_connects_no_ghosts(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)
    ghost = {"id": str(uuid4())}

    stranger = await things_api.call("POST", "/policies", bob, policy(thing, channel))
    haunted = await things_api.call("POST", "/policies", admin, policy(ghost, channel))
    nobody = await things_api.call("POST", "/policies", None, policy(thing, channel))
    bad = await things_api.call(
        "POST", "/policies", None, policy(thing, channel), headers={"Authorization": "Bearer bad"}
    )

    statuses = (stranger.status, haunted.status, nobody.status, bad.status)
    assert statuses == (403, 404, 401, 401)


async def test_a_policy_is_updated_as_given_and_removed_once(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, bob: User
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    thing, channel = await things_api.connected_pair(alice)
    await things_api.share(alice, channel, bob, "c_list")

    for subject in (thing["id"], str(bob.id)):
        body = {"subject": subject, "object": channel["id"], "actions": ["c_update", "m_read"]}
        updated = await things_api.call("PUT", "/policies", alice, body)
        listed = await things_api.call("GET", f"/policies?client={subject}", alice)
        removed = await things_api.call("DELETE", f"/policies/{subject}/{channel['id']}", alice)
        again = await things_api.call("DELETE", f"/policies/{subject}/{channel['id']}", alice)
        missing = await things_api.call("PUT", "/policies", alice, body)

        assert (updated.status, updated.body) == (204, None)
        assert listed.body["policies"][0]["actions"] == ["c_update", "m_read"]
        assert (removed.status, removed.body) == (204, None)
        assert again.outcome == (404, "policy_not_found")
        assert missing.outcome == (404, "policy_not_found")


async def test_an_update_needs_actions(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.connected_pair(alice)

    for actions in (None, [], ["bogus"]):
        body = policy(thing, channel, actions=actions)
        answer = await things_api.call("PUT", "/policies", alice, body)

        assert answer.status == 400, actions


async def test_a_policy_is_changed_by_who_made_it_the_channels_owner_and_admins(
    things_api: ThingsApi, new_user: Any, alice: User, bob: User, admin: User
) -> None:
    thing, channel = await things_api.make_thing(bob), await things_api.make_channel(alice)
    made = await things_api.call("POST", "/policies", admin, policy(thing, channel))
    body = policy(thing, channel, actions=["m_read"])

    answers = [
        await things_api.call("PUT", "/policies", user, body) for user in (alice, admin, new_user())
    ]
    refused = await things_api.call(
        "DELETE", f"/policies/{thing['id']}/{channel['id']}", new_user()
    )

    assert made.status == 201
    assert [answer.status for answer in answers] == [204, 204, 403]
    assert refused.status == 403


async def test_policies_are_listed_by_who_made_them(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, bob: User, admin: User
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    thing, channel = await things_api.connected_pair(alice)
    await things_api.share(alice, channel, bob, "g_list")
    others_thing, _ = await things_api.connected_pair(bob)

    async def subjects(user: User, query: str) -> list[str]:
        answer = await things_api.call("GET", f"/policies?{query}", user)
        assert answer.body["total"] >= len(answer.body["policies"])
        return [each["subject"] for each in answer.body["policies"]]

    mine = [thing["id"], str(bob.id)]
    assert await subjects(alice, "") == mine
    assert await subjects(alice, f"owner_id={bob.id}") == mine
    assert await subjects(admin, "") == [*mine, others_thing["id"]]
    assert await subjects(admin, f"owner_id={bob.id}") == [others_thing["id"]]
    assert await subjects(alice, f"group={channel['id']}") == mine
    assert await subjects(alice, f"object={channel['id']}&subject={bob.id}") == [str(bob.id)]
    assert await subjects(alice, "action=g_list") == [str(bob.id)]
    assert await subjects(alice, f"client={uuid4()}") == []
    assert await subjects(alice, "offset=1&limit=1") == [str(bob.id)]
    paged = await things_api.call("GET", "/policies?offset=1&limit=1", alice)
    assert {name: paged.body[name] for name in ("total", "offset", "limit")} == {
        "total": 2,
        "offset": 1,
        "limit": 1,
    }


async def test_a_malformed_policy_query_is_refused(things_api: ThingsApi, alice: User) -> None:
    wrong = ("limit=0", "limit=101", "offset=-1", "client=nope", "group=nope", "action=bogus")
    for query in wrong:
        answer = await things_api.call("GET", f"/policies?{query}", alice)

        assert answer.status == 400, query


async def test_a_connection_goes_with_its_thing_and_a_share_with_its_channel(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, bob: User
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    thing, channel = await things_api.connected_pair(alice)
    await things_api.share(alice, channel, bob, "g_list")

    await things_api.call("DELETE", f"/things/{thing['id']}", alice)
    without_thing = await things_api.call("GET", "/policies", alice)
    await things_api.call("DELETE", f"/channels/{channel['id']}", alice)
    without_channel = await things_api.call("GET", "/policies", alice)

    assert [each["subject"] for each in without_thing.body["policies"]] == [str(bob.id)]
    assert (without_channel.body["total"], without_channel.body["policies"]) == (0, [])
