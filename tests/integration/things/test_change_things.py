"""Things are changed, disabled, given away and removed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi

NEW_OWNER = "9dd12d93-21c9-4147-92fe-769386efb6cc"
# Path below a thing, and a body that would change it.
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("", {"name": "new"}),
    ("/tags", {"tags": ["new"]}),
    ("/secret", {"secret": "new"}),
    ("/owner", {"owner": NEW_OWNER}),
]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_name_and_metadata_are_replaced_as_given(
    things_api: ThingsApi, alice: User, method: str
) -> None:
    thing = await things_api.make_thing(alice, name="old", metadata={"a": 1}, tags=["kept"])
    path = f"/things/{thing['id']}"

    renamed = await things_api.call(method, path, alice, {"name": "new", "tags": ["ignored"]})
    described = await things_api.call(method, path, alice, {"name": "", "metadata": {"b": 2}})

    assert renamed.status == 200
    assert renamed.body == thing | {
        "name": "new",
        "updated_at": renamed.body["updated_at"],
        "updated_by": str(alice.id),
    }
    assert renamed.body["updated_at"] > thing["updated_at"]
    assert (described.body["name"], described.body["metadata"]) == ("new", {"b": 2})
    assert (await things_api.call("GET", path, alice)).body == described.body


async def test_empty_metadata_replaces_too(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice, metadata={"a": 1})

    answer = await things_api.call("PATCH", f"/things/{thing['id']}", alice, {"metadata": {}})

    assert "metadata" not in answer.body


async def test_a_change_of_nothing_leaves_the_thing_as_it_is(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(alice, name="same")

    answer = await things_api.call("PATCH", f"/things/{thing['id']}", alice, {})

    assert (answer.status, answer.body) == (200, thing)


async def test_tags_are_replaced_and_emptied(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice, tags=["old"])
    path = f"/things/{thing['id']}/tags"

    replaced = await things_api.call("PATCH", path, alice, {"tags": ["new", "newer"]})
    emptied = await things_api.call("PATCH", path, alice, {"tags": []})

    assert (replaced.status, replaced.body["tags"]) == (200, ["new", "newer"])
    assert "tags" not in emptied.body


@pytest.mark.parametrize("word", ["secret", "key"])
async def test_a_secret_is_replaced(things_api: ThingsApi, alice: User, word: str) -> None:
    thing = await things_api.make_thing(alice)
    other = await things_api.make_thing(alice, key="taken")
    path = f"/things/{thing['id']}/{word}"

    replaced = await things_api.call("PATCH", path, alice, {word: "new"})
    same = await things_api.call("PATCH", path, alice, {word: "new"})
    taken = await things_api.call("PATCH", path, alice, {word: other["key"]})
    empty = await things_api.call("PATCH", path, alice, {word: ""})

    assert replaced.status == 200
    assert (replaced.body["key"], replaced.body["credentials"]) == ("new", {"secret": "new"})
    assert same.status == 200
    assert taken.outcome == (409, "secret_taken")
    assert empty.status == 400


async def test_a_change_to_what_is_too_long_or_malformed_is_refused(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(alice)
    path = f"/things/{thing['id']}"

    for tail, body in (
        ("", {"name": "é" * 513}),
        ("", {"metadata": [1]}),
        ("/tags", {"tags": "roof"}),
        ("/tags", {"tags": ["a\0b"]}),
        ("/secret", {"secret": "é" * 2049}),
        ("/secret", {"secret": "k" * 4097}),
        ("/key", {"key": 5}),
        ("/owner", {"owner": ["x"]}),
    ):
        answer = await things_api.call("PATCH", path + tail, alice, body)

        assert answer.outcome == (400, "invalid_input"), (tail, body)
    assert (await things_api.call("GET", path, alice)).body == thing


async def test_an_old_owner_loses_access_at_once(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing = await things_api.make_thing(alice)
    path = f"/things/{thing['id']}"

    given = await things_api.call("PATCH", f"{path}/owner", alice, {"owner": str(bob.id)})

    assert (given.status, given.body["owner"]) == (200, str(bob.id))
    assert "key" not in given.body
    assert given.body["credentials"] == {}
    assert (await things_api.call("GET", path, alice)).status == 404
    assert (await things_api.call("PATCH", path, alice, {"name": "x"})).status == 403
    seen = await things_api.call("GET", path, bob)
    assert (seen.status, seen.body["key"]) == (200, thing["key"])


async def test_a_new_owner_must_be_a_user_id(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice)

    for owner in ("", "nonsense"):
        body = {"owner": owner}
        answer = await things_api.call("PATCH", f"/things/{thing['id']}/owner", alice, body)

        assert answer.status == 400


async def test_a_new_owner_must_have_an_account(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice)
    path = f"/things/{thing['id']}"

    answer = await things_api.call("PATCH", f"{path}/owner", alice, {"owner": str(uuid4())})

    assert answer.outcome == (404, "user_not_found")
    assert (await things_api.call("GET", path, alice)).body == thing


async def test_an_admin_may_change_everything(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, admin: User
) -> None:
    users_stand_in.know(UUID(NEW_OWNER))

    for tail, body in CHANGES:
        thing = await things_api.make_thing(alice)

        answer = await things_api.call("PATCH", f"/things/{thing['id']}{tail}", admin, body)

        assert (answer.status, answer.body["updated_by"]) == (200, str(admin.id))
        assert answer.body["key"]


async def test_strangers_may_not_change_things(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice)
    forbidden = (403, "failed to perform authorization over the entity")

    for tail, body in CHANGES:
        stranger = await things_api.call("PATCH", f"/things/{thing['id']}{tail}", bob, body)
        unknown = await things_api.call("PATCH", f"/things/{uuid4()}{tail}", bob, body)
        unknown_to_admin = await things_api.call("PATCH", f"/things/{uuid4()}{tail}", admin, body)

        assert (stranger.status, stranger.body["message"]) == forbidden
        assert (unknown.status, unknown.body["message"]) == forbidden
        assert unknown_to_admin.status == 404
    assert (await things_api.call("GET", f"/things/{thing['id']}", alice)).body == thing


async def test_to_the_first_clients_things_of_strangers_are_unknown(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing = await things_api.make_thing(alice)

    for thing_id in (thing["id"], uuid4()):
        put = await things_api.call("PUT", f"/things/{thing_id}", bob, {"name": "x"})
        key = await things_api.call("PATCH", f"/things/{thing_id}/key", bob, {"key": "x"})
        deleted = await things_api.call("DELETE", f"/things/{thing_id}", bob)

        assert (put.status, key.status, deleted.status) == (404, 404, 404)

    assert (await things_api.call("GET", f"/things/{thing['id']}", alice)).body == thing


async def test_a_disabled_thing_is_not_changed(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice, status="disabled")
    changes: list[tuple[str, dict[str, Any]]] = [*CHANGES, ("", {}), ("/key", {"key": "new"})]

    for tail, body in changes:
        answer = await things_api.call("PATCH", f"/things/{thing['id']}{tail}", alice, body)

        assert answer.status == 404
    assert (await things_api.call("GET", f"/things/{thing['id']}", alice)).body == thing


async def test_a_thing_is_disabled_and_enabled_again(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(alice)
    path = f"/things/{thing['id']}"

    disabled = await things_api.call("POST", f"{path}/disable", alice)
    hidden = await things_api.call("GET", "/things", alice)
    again = await things_api.call("POST", f"{path}/disable", alice)
    enabled = await things_api.call("POST", f"{path}/enable", alice)
    enabled_again = await things_api.call("POST", f"{path}/enable", alice)

    assert (disabled.status, disabled.body["status"]) == (200, "disabled")
    assert disabled.body["updated_by"] == str(alice.id)
    assert disabled.body["updated_at"] > thing["updated_at"]
    assert disabled.body["key"] == thing["key"]
    assert hidden.body["total"] == 0
    assert (again.status, again.body["message"]) == (409, "status already assigned")
    assert (enabled.status, enabled.body["status"]) == (200, "enabled")
    assert enabled_again.outcome == (409, "status_already_assigned")


async def test_strangers_may_not_enable_or_disable(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice)

    for verb in ("enable", "disable"):
        stranger = await things_api.call("POST", f"/things/{thing['id']}/{verb}", bob)
        unknown = await things_api.call("POST", f"/things/{uuid4()}/{verb}", bob)
        unknown_to_admin = await things_api.call("POST", f"/things/{uuid4()}/{verb}", admin)

        assert (stranger.status, unknown.status, unknown_to_admin.status) == (403, 403, 404)


async def test_one_of_twenty_who_disable_at_once_wins(things_api: ThingsApi, alice: User) -> None:
    for path in (
        f"/things/{(await things_api.make_thing(alice))['id']}/disable",
        f"/channels/{(await things_api.make_channel(alice))['id']}/disable",
    ):
        answers = await asyncio.gather(*(things_api.call("POST", path, alice) for _ in range(20)))

        assert Counter(answer.status for answer in answers) == {200: 1, 409: 19}


async def test_a_removed_thing_is_gone_from_everywhere(things_api: ThingsApi, alice: User) -> None:
    thing, channel = await things_api.connected_pair(alice)
    path = f"/things/{thing['id']}"

    removed = await things_api.call("DELETE", path, alice)

    assert (removed.status, removed.body) == (204, None)
    assert (await things_api.call("GET", path, alice)).status == 404
    assert (await things_api.call("GET", "/things?status=all", alice)).body["total"] == 0
    members = await things_api.call("GET", f"/channels/{channel['id']}/things?status=all", alice)
    assert members.body["total"] == 0
    assert (await things_api.call("DELETE", path, alice)).status == 404
    assert (await things_api.identify(thing["key"])).status == 404


async def test_an_admin_removes_things_of_others(
    things_api: ThingsApi, alice: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice)

    assert (await things_api.call("DELETE", f"/things/{thing['id']}", admin)).status == 204
