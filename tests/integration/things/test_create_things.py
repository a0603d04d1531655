"""Things are registered, one at a time or many at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi

REQUEST = "something went wrong with the request"


async def test_a_new_thing_is_answered_whole_and_located(
    things_api: ThingsApi, alice: User
) -> None:
    answer = await things_api.call("POST", "/things", alice, {"name": "weio"})

    thing = answer.body
    assert answer.status == 201
    assert answer.headers["Location"] == f"/things/{thing['id']}"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Access-Control-Expose-Headers"] == "Location"
    secret = thing["key"]
    assert str(UUID(secret)) == secret
    assert thing == {
        "id": str(UUID(thing["id"])),
        "name": "weio",
        "owner": str(alice.id),
        "credentials": {"secret": secret},
        "key": secret,
        "created_at": thing["created_at"],
        "updated_at": thing["created_at"],
        "status": "enabled",
    }


async def test_a_thing_keeps_what_its_client_chose(things_api: ThingsApi, alice: User) -> None:
    thing_id, secret = str(uuid4()), "sécret of my own"
    chosen = {
        "id": thing_id,
        "name": "",
        "tags": ["roof", "north"],
        "metadata": {"a": [1, {"b": None}]},
        "status": "disabled",
    }

    made = await things_api.make_thing(alice, **chosen, credentials={"secret": secret})

    seen = (await things_api.call("GET", f"/things/{thing_id}", alice)).body
    assert seen == made
    assert {name: seen[name] for name in chosen if chosen[name]} == {
        name: value for name, value in chosen.items() if value
    }
    assert "name" not in seen
    assert (seen["key"], seen["credentials"]["secret"]) == (secret, secret)


async def test_tags_come_back_as_they_were_given(things_api: ThingsApi, alice: User) -> None:
    tags = ["", "NULL", 'say "hi"', "back\\slash", "{a,b}", " blank ", "é", "a\nb", '\\"']

    one = await things_api.make_thing(alice, tags=tags)
    many = await things_api.call("POST", "/things/bulk", alice, [{"tags": [tag]} for tag in tags])

    seen = await things_api.call("GET", "/things?limit=100", alice)
    assert one["tags"] == seen.body["things"][0]["tags"] == tags
    assert [thing["tags"] for thing in seen.body["things"][1:]] == [[tag] for tag in tags]
    assert many.body["things"] == seen.body["things"][1:]


async def test_names_need_not_be_unique(things_api: ThingsApi, alice: User) -> None:
    first = await things_api.make_thing(alice, name="same")
    second = await things_api.make_thing(alice, name="same")

    assert first["id"] != second["id"]


async def test_the_first_clients_words_are_understood(things_api: ThingsApi, alice: User) -> None:
    thing = await things_api.make_thing(
        alice, key="old key", type="device", metadata='{"serial": "7"}'
    )

    assert thing["credentials"]["secret"] == "old key"
    assert thing["metadata"] == {"serial": "7"}
    assert "type" not in thing


async def test_the_first_clients_bare_token_is_taken(things_api: ThingsApi, alice: User) -> None:
    answer = await things_api.call(
        "POST", "/things", None, {"name": "weio"}, headers={"Authorization": alice.token}
    )

    assert answer.status == 201


async def test_zero_values_of_read_only_members_are_ignored(
    things_api: ThingsApi, alice: User
) -> None:
    thing = await things_api.make_thing(
        alice,
        id="",
        status="",
        created_at="0001-01-01T00:00:00Z",
        updated_at="0001-01-01T00:00:00Z",
        updated_by="",
    )

    assert thing["created_at"] > "2020"
    assert thing["status"] == "enabled"


async def test_key_and_secret_may_both_be_given_if_they_agree(
    things_api: ThingsApi, alice: User
) -> None:
    agreeing = {"key": "k", "credentials": {"secret": "k"}}
    differing = {"key": "k", "credentials": {"secret": "other"}}

    first = await things_api.call("POST", "/things", alice, agreeing)
    second = await things_api.call("POST", "/things", alice, differing)

    assert (first.status, second.status) == (201, 400)


async def test_only_an_admin_makes_things_for_somebody_else(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    planted = await things_api.make_thing(alice, owner=str(bob.id))
    nonsense = await things_api.make_thing(alice, owner="nonsense")
    handed = await things_api.make_thing(admin, owner=str(bob.id))

    assert [thing["owner"] for thing in (planted, nonsense)] == [str(alice.id)] * 2
    assert handed["owner"] == str(bob.id)
    assert (await things_api.call("GET", f"/things/{handed['id']}", bob)).status == 200


MALFORMED: list[dict[str, Any]] = [
    {"id": "not-a-uuid"},
    {"id": "9DD12D93-21C9-4147-92FE-769386EFB6CC"},
    {"id": "9dd12d9321c9414792fe769386efb6cc"},
    {"name": "x" * 1025},
    {"name": "é" * 513},
    {"name": 5},
    {"tags": "roof"},
    {"tags": [1]},
    {"status": "all"},
    {"status": "sleeping"},
    {"metadata": [1]},
    {"metadata": "[1]"},
    {"metadata": "no json"},
    {"metadata": '{"a": "\\u0000"}'},
    {"credentials": "secret"},
    {"credentials": {"secret": "x" * 4097}},
    {"key": 1},
    {"name": "a\0b"},
    {"tags": ["\0"]},
    {"metadata": {"\0": 1}},
]
NO_THINGS = [
    b"{",
    b"",
    b"null",
    b"[]",
    b'{"name":"\\ud800"}',
    b'{"name":"\xff"}',
    b'{"metadata":' + b'{"a":' * 300 + b"1" + b"}" * 301,
    b'{"metadata":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    b'{"metadata":{"a":1e999}}',
]


async def test_a_malformed_thing_is_refused(things_api: ThingsApi, alice: User) -> None:
    for members in MALFORMED:
        answer = await things_api.call("POST", "/things", alice, members)

        assert (answer.status, answer.body["message"]) == (400, REQUEST), members
        assert answer.body["error"]
    assert (await things_api.call("GET", "/things?status=all", alice)).body["total"] == 0


async def test_a_body_that_is_no_thing_is_refused(things_api: ThingsApi, alice: User) -> None:
    for data in NO_THINGS:
        answer = await things_api.call("POST", "/things", alice, data=data)

        assert answer.status == 400, data[:40]


async def test_a_body_that_is_not_declared_as_json_is_refused(
    things_api: ThingsApi, alice: User
) -> None:
    plain = {"Content-Type": "text/plain"}
    charset = {"Content-Type": "application/json; charset=utf-8"}

    refused = await things_api.call("POST", "/things", alice, {}, headers=plain)
    taken = await things_api.call("POST", "/things", alice, {}, headers=charset)

    assert (refused.status, refused.body["error"]) == (415, "unsupported content type")
    assert taken.status == 201


async def test_nobody_makes_things_without_a_good_token(things_api: ThingsApi, alice: User) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Thing {alice.token}"},
        {"Authorization": f"bearer {alice.token}"},
    ):
        answer = await things_api.call("POST", "/things", None, {}, headers=headers)

        assert answer.status == 401
        assert answer.body["message"] == "failed to perform authentication over the entity"


async def test_a_taken_id_or_secret_is_a_conflict(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing = await things_api.make_thing(alice, key="taken")

    by_id = await things_api.call("POST", "/things", bob, {"id": thing["id"]})
    by_secret = await things_api.call("POST", "/things", bob, {"credentials": {"secret": "taken"}})

    assert by_id.outcome == (409, "id_taken")
    assert by_secret.outcome == (409, "secret_taken")
    assert by_secret.body["message"] == "entity already exists"


async def test_many_things_come_back_in_their_order(things_api: ThingsApi, alice: User) -> None:
    names = [f"thing {number}" for number in range(150)]

    answer = await things_api.call(
        "POST", "/things/bulk", alice, [{"name": name, "tags": [name]} for name in names]
    )

    assert answer.status == 200
    assert "Location" not in answer.headers
    assert answer.body["total"] == 150
    assert [thing["name"] for thing in answer.body["things"]] == names
    assert [thing["tags"] for thing in answer.body["things"]] == [[name] for name in names]
    first = await things_api.call("GET", "/things?limit=100", alice)
    second = await things_api.call("GET", "/things?limit=100&offset=100", alice)
    assert first.body["things"] + second.body["things"] == answer.body["things"]


async def test_one_bad_thing_keeps_all_of_a_bulk_out(things_api: ThingsApi, alice: User) -> None:
    await things_api.make_thing(alice, key="taken")
    bad_ones: list[tuple[Any, int]] = [
        ({"key": "taken"}, 409),
        ({"key": "twice"}, 409),
        ({"id": "nope"}, 400),
        ({"name": 5}, 400),
        ({"status": "all"}, 400),
    ]

    for bad, status in bad_ones:
        answer = await things_api.call(
            "POST", "/things/bulk", alice, [{"name": "good"}, {"key": "twice"}, bad]
        )

        assert answer.status == status

    assert (await things_api.call("GET", "/things?status=all", alice)).body["total"] == 1


async def test_a_bulk_has_one_to_ten_thousand_items(things_api: ThingsApi, alice: User) -> None:
    bodies: list[tuple[Any, int]] = [([], 400), ({}, 400), ([{}] * 10_001, 413)]
    for body, status in bodies:
        for path in ("/things/bulk", "/channels/bulk"):
            answer = await things_api.call("POST", path, alice, body)

            assert answer.status == status


async def test_ten_thousand_things_are_made_at_once(things_api: ThingsApi, alice: User) -> None:
    answer = await things_api.call("POST", "/things/bulk", alice, [{"name": "thing"}] * 10_000)

    assert (answer.status, answer.body["total"]) == (200, 10_000)
    assert (await things_api.call("GET", "/things", alice)).body["total"] == 10_000


async def test_things_made_together_need_one_owner(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    owned = [{"owner": str(user.id)} for user in (alice, bob)]

    mixed = await things_api.call("POST", "/things/bulk", admin, owned)
    single = await things_api.call("POST", "/things/bulk", admin, [owned[0], owned[0]])

    assert (mixed.status, single.status) == (400, 200)


async def test_a_secret_of_any_length_comes_back_as_it_was_given(
    things_api: ThingsApi, alice: User
) -> None:
    for secret in ("x", "short key", "é" * 2048, "k" * 4096, " padded ", "a" * 36):
        thing = await things_api.make_thing(alice, key=secret)

        seen = await things_api.call("GET", f"/things/{thing['id']}", alice)

        assert seen.body["key"] == seen.body["credentials"]["secret"] == secret


async def test_no_refusal_tells_of_the_inside(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    inside = ("sql", "constraint", "relation", "asyncpg", "violat", "pkey", "things_", "rpc", '"')

    for method, path, user, body in (
        ("POST", "/things", alice, {"id": thing["id"]}),
        ("POST", "/things", alice, {"key": thing["key"]}),
        ("POST", "/channels", alice, {"id": channel["id"], "name": "c"}),
        ("POST", "/channels", alice, {"name": "c", "parent_id": thing["id"]}),
        ("POST", "/things", alice, {"name": 5}),
        ("POST", "/policies", alice, {"subject": thing["id"], "object": thing["id"]}),
        ("GET", "/things?metadata=[", alice, None),
        ("GET", f"/channels?parent_id={'x' * 99}", alice, None),
        ("PATCH", f"/things/{thing['id']}", bob, {"name": "x"}),
        ("POST", f"/channels/{channel['id']}/access", None, {"subject": "x", "action": "m_read"}),
    ):
        answer = await things_api.call(method, path, user, body)

        assert answer.status in {400, 403, 404, 409}
        text = f"{answer.body['error']} {answer.body['message']}".lower()
        assert not any(word in text for word in inside), text
