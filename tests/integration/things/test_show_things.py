"""Things are shown and listed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


async def names(things_api: ThingsApi, user: User, query: str) -> list[str]:
    answer = await things_api.call("GET", f"/things?{query}", user)
    assert answer.status == 200, answer
    assert answer.body["total"] == len(answer.body["things"])
    return [thing["name"] for thing in answer.body["things"]]


async def test_a_thing_is_shown_to_its_owner_and_to_admins_with_its_secret(
    things_api: ThingsApi, alice: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice, name="weio")

    for user in (alice, admin):
        answer = await things_api.call("GET", f"/things/{thing['id']}", user)

        assert (answer.status, answer.body) == (200, thing)


async def test_a_disabled_thing_is_still_shown(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice, status="disabled")

    answer = await things_api.call("GET", f"/things/{thing['id']}", alice)

    assert (answer.status, answer.body["status"]) == (200, "disabled")


async def test_others_things_and_unknown_ones_are_not_found(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice)

    for user, thing_id in ((bob, thing["id"]), (bob, uuid4()), (admin, uuid4()), (bob, "nope")):
        answer = await things_api.call("GET", f"/things/{thing_id}", user)

        assert (answer.status, answer.body["message"]) == (404, "entity not found")


async def test_a_list_has_the_callers_things_in_the_order_of_their_creation(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    things = [await things_api.make_thing(alice, name=str(number)) for number in range(12)]
    await things_api.make_thing(bob, name="not shown")

    default = await things_api.call("GET", "/things", alice)
    paged = await things_api.call("GET", "/things?offset=10&limit=5", alice)
    beyond = await things_api.call("GET", "/things?offset=99", alice)

    assert default.body == {"limit": 10, "offset": 0, "total": 12, "things": things[:10]}
    assert paged.body == {"limit": 5, "offset": 10, "total": 12, "things": things[10:]}
    assert beyond.body == {"limit": 10, "offset": 99, "total": 12, "things": []}


async def test_a_list_is_filtered(things_api: ThingsApi, alice: User) -> None:
    await things_api.make_thing(alice, name="weio", tags=["a", "b"], metadata={"x": {"y": [1, 2]}})
    await things_api.make_thing(alice, name="Weio", tags=["a"], metadata={"x": {"y": [2]}, "z": 1})
    await things_api.make_thing(alice, name="off", status="disabled")

    async def found(query: str) -> list[str]:
        return await names(things_api, alice, query)

    assert await found("name=weio") == ["weio"]
    assert await found("name=%22weio%22") == ["weio"]
    assert await found("name=wei") == []
    assert await found("tag=a") == ["weio", "Weio"]
    assert await found("tag=b") == ["weio"]
    assert await found("metadata=" + quote('{"x":{"y":[1]}}')) == ["weio"]
    assert await found("metadata=" + quote('{"z":1}')) == ["Weio"]
    assert await found("metadata=" + quote("{}")) == ["weio", "Weio"]
    assert await found("status=") == ["weio", "Weio"]
    assert await found("status=disabled") == ["off"]
    assert await found("status=all") == ["weio", "Weio", "off"]
    assert await found("name=weio&unknown=1") == ["weio"]


async def test_visibility_decides_whose_things_are_listed(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    for user, name in ((alice, "alice's"), (bob, "bob's"), (admin, "admin's")):
        await things_api.make_thing(user, name=name)
    everything = ["alice's", "bob's", "admin's"]

    assert await names(things_api, alice, "visibility=mine") == ["alice's"]
    assert await names(things_api, alice, "visibility=shared") == []
    assert await names(things_api, alice, "visibility=all") == ["alice's"]
    assert await names(things_api, alice, f"owner_id={bob.id}") == ["alice's"]
    assert await names(things_api, alice, "owner_id=nonsense") == ["alice's"]
    assert await names(things_api, admin, "") == everything
    assert await names(things_api, admin, "visibility=all") == everything
    assert await names(things_api, admin, "visibility=mine") == ["admin's"]
    assert await names(things_api, admin, f"owner_id={bob.id}") == ["bob's"]


MALFORMED = [
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=abc",
    "limit=",
    "limit=1&limit=2",
    "offset=-1",
    "offset=9223372036854775808",
    "status=sleeping",
    "metadata=[1]",
    "metadata={",
    "metadata=%7B%22a%22:%22%5Cu0000%22%7D",
    "metadata=%7B%22a%22:%22%5Cud800%22%7D",
    "status=%00",
    "limit=9223372036854775808",
]


async def test_a_malformed_query_is_refused_on_every_list(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    lists = [
        "/things",
        "/channels",
        "/policies",
        f"/channels/{channel['id']}/things",
        f"/things/{thing['id']}/channels",
    ]

    for query in MALFORMED:
        for path in lists if "limit" in query or "offset" in query else lists[:2] + lists[3:]:
            answer = await things_api.call("GET", f"{path}?{query}", alice)

            assert (answer.status, answer.body["code"]) == (400, "invalid_input"), (path, query)


async def test_an_unknown_visibility_is_refused(things_api: ThingsApi, alice: User) -> None:
    answer = await things_api.call("GET", "/things?visibility=everybody", alice)

    assert answer.status == 400


async def test_a_secret_is_never_stored_in_clear(
    things_api: ThingsApi, things_database: Any, alice: User
) -> None:
    await things_api.make_thing(alice, key="clear text")

    row = await things_database.fetchrow("SELECT secret, secret_fingerprint FROM things")

    assert b"clear text" not in row["secret"] + row["secret_fingerprint"]
