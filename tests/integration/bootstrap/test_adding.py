"""Users add configs by hand, for things and channels that are theirs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.services import User
from tests.integration.bootstrap.platform import Platform


async def test_a_config_for_a_thing_starts_inactive_with_copies_of_its_channels_in_order(
    platform: Platform, alice: User
) -> None:
    thing = await platform.make_thing(alice, name="gateway")
    data = await platform.make_channel(alice, "data", metadata={"type": "data"})
    plain = await platform.make_channel(alice, "plain")

    answer = await platform.add(
        alice,
        thing_id=thing["id"],
        external_id="33:52:79",
        channels=[data, plain],
        name="n",
        content="c",
        client_cert="C",
        client_key="K",
        ca_cert="A",
    )

    config = await platform.view(alice, thing["id"])
    fetched = await (await platform.api.fetch("33:52:79", "label-key")).json()
    assert answer.status == 201
    assert answer.headers["Location"] == f"/things/configs/{thing['id']}"
    assert await answer.read() == b""
    assert config["state"] == 0
    assert config["thing_key"] == thing["credentials"]["secret"]
    assert config["channels"] == [
        {"id": data, "name": "data", "metadata": {"type": "data"}},
        {"id": plain, "name": "plain", "metadata": None},
    ]
    assert (config["name"], config["content"], config["external_id"]) == ("n", "c", "33:52:79")
    assert [fetched[name] for name in ("client_cert", "client_key", "ca_cert")] == ["C", "K", "A"]
    assert await platform.connected(alice, thing["id"]) == set()


async def test_without_a_thing_a_nameless_one_is_made(platform: Platform, alice: User) -> None:
    thing_id = await platform.added(alice)

    answer = await platform.things.get(f"/things/{thing_id}", headers=alice.headers)
    thing = await answer.json()
    assert "name" not in thing
    assert (await platform.view(alice, thing_id))["thing_key"] == thing["credentials"]["secret"]


@pytest.mark.parametrize("length", [35, 4000])
async def test_a_things_secret_of_any_length_is_handed_out_as_it_is(
    platform: Platform, alice: User, length: int
) -> None:
    thing = await platform.make_thing(alice, credentials={"secret": uuid4().hex[0] * length})

    await platform.added(alice, thing_id=thing["id"], external_id="gateway")

    fetched = await (await platform.api.fetch("gateway", "label-key")).json()
    assert fetched["thing_key"] == thing["credentials"]["secret"]


async def test_a_channel_given_twice_counts_once(platform: Platform, alice: User) -> None:
    first, second = await platform.make_channels(alice, 2)

    thing_id = await platform.added(alice, channels=[first, second, first])

    assert await platform.channels(alice, thing_id) == [first, second]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"external_id": ""}, 400, "missing entity id"),
    ({"external_key": ""}, 400, "missing external key"),
    ({"external_id": "é" * 513}, 400, "external id is longer than 1024 bytes"),
    ({"external_id": 5}, 400, ""),
    ({"external_id": "a\0b"}, 400, "NUL character in a string"),
    ({"name": "x" * 1025}, 400, ""),
    ({"channels": "x"}, 400, ""),
    ({"channels": ["nope"]}, 400, "failed to check channels connections"),
    ({"channels": [""]}, 400, "failed to check channels connections"),
    ({"channels": [str(uuid4())]}, 400, "failed to check channels connections"),
    ({"channels": [str(uuid4()) for _ in range(1001)]}, 400, "more than 1000 channels"),
    ({"thing_id": "nope"}, 404, "failed to find thing"),
    ({"thing_id": str(uuid4())}, 404, "failed to find thing"),
]


async def test_what_cannot_be_a_config_is_refused_and_leaves_nothing(
    platform: Platform, alice: User
) -> None:
    for members, status, said in REFUSED:
        answer = await platform.add(alice, **members)

        body = await answer.json()
        assert answer.status == status, members
        assert said in (body["error"], body["message"]) or not said, members
        assert answer.headers["Content-Type"].startswith("application/json")
    assert await platform.total(alice) == 0
    assert await platform.total_configs(alice) == 0


@pytest.mark.parametrize("flaw", ["another user's", "disabled", "deleted"])
async def test_a_channel_that_is_not_the_callers_to_use_is_refused(
    platform: Platform, alice: User, bob: User, flaw: str
) -> None:
    good = await platform.make_channel(alice)
    bad = await platform.make_channel(bob if flaw == "another user's" else alice)
    if flaw == "disabled":
        await platform.disable(alice, f"/channels/{bad}")
    if flaw == "deleted":
        await platform.things.delete(f"/channels/{bad}", headers=alice.headers)

    answer = await platform.add(alice, channels=[good, bad])

    body = await answer.json()
    assert answer.status == 400
    assert body["message"] == "failed to check channels connections"
    assert await platform.total(alice) == 0


@pytest.mark.parametrize("flaw", ["another user's", "disabled"])
async def test_a_thing_that_is_not_the_callers_to_use_is_refused_and_not_touched(
    platform: Platform, alice: User, bob: User, flaw: str
) -> None:
    owner = bob if flaw == "another user's" else alice
    thing = await platform.make_thing(owner)
    if flaw == "disabled":
        await platform.disable(alice, f"/things/{thing['id']}")
    before = await (
        await platform.things.get(f"/things/{thing['id']}", headers=owner.headers)
    ).json()

    answer = await platform.add(alice, thing_id=thing["id"])

    after = await (
        await platform.things.get(f"/things/{thing['id']}", headers=owner.headers)
    ).json()
    assert answer.status == 404
    assert (await answer.json())["message"] == "failed to find thing"
    assert after == before


async def test_a_taken_external_id_is_a_conflict_whoever_has_it_and_leaves_no_thing(
    platform: Platform, alice: User, bob: User
) -> None:
    await platform.added(bob, external_id="taken")

    answer = await platform.add(alice, external_id="taken")

    assert answer.status == 409
    assert (await answer.json())["code"] == "external_id_taken"
    assert await platform.total(alice) == 0


async def test_a_second_config_for_a_thing_is_a_conflict_and_the_thing_stays(
    platform: Platform, alice: User
) -> None:
    thing_id = await platform.added(alice)

    answer = await platform.add(alice, thing_id=thing_id)

    assert answer.status == 409
    assert (await answer.json())["code"] == "thing_has_config"
    assert await platform.total(alice) == 1
    thing = await (await platform.things.get(f"/things/{thing_id}", headers=alice.headers)).json()
    assert thing["status"] == "enabled"


async def test_of_parallel_adds_with_one_external_id_one_wins_and_the_others_leave_nothing(
    platform: Platform, alice: User
) -> None:
    answers = await asyncio.gather(*(platform.add(alice, external_id="wanted") for _ in range(10)))

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
    assert await platform.total(alice) == 1
    assert await platform.total_configs(alice) == 1


async def test_parallel_adds_may_name_the_same_new_channel(platform: Platform, alice: User) -> None:
    channel = await platform.make_channel(alice)

    answers = await asyncio.gather(*(platform.add(alice, channels=[channel]) for _ in range(8)))

    assert [answer.status for answer in answers] == [201] * 8


@pytest.mark.parametrize("call", ["GET /channels", "GET /things", "POST /things"])
async def test_while_things_does_not_answer_nothing_is_added(
    platform: Platform, alice: User, call: str
) -> None:
    thing = await platform.make_thing(alice)
    channel = await platform.make_channel(alice)
    platform.faults.answer(call)
    given = {"thing_id": thing["id"]} if call == "GET /things" else {}

    answer = await platform.add(alice, channels=[channel], **given)

    platform.faults.stop()
    assert answer.status == 503
    assert (await answer.json())["message"] == "failed to receive response from Things service"
    assert answer.headers["Retry-After"]
    assert await platform.total(alice) == 1
    assert await platform.total_configs(alice) == 0


async def test_a_thing_whose_making_was_not_heard_of_is_removed(
    platform: Platform, alice: User
) -> None:
    platform.faults.answer("POST /things", done=True)

    answer = await platform.add(alice)

    platform.faults.stop()
    assert answer.status == 503
    assert await platform.total(alice) == 0


async def test_a_bare_token_is_accepted_and_a_wrong_one_is_not(
    platform: Platform, alice: User
) -> None:
    body = {"external_id": "gateway", "external_key": "k"}
    statuses = [
        (
            await platform.api.client.post(
                "/things/configs", json=body, headers={"Authorization": token} if token else {}
            )
        ).status
        for token in ("", "Bearer nonsense", alice.token)
    ]

    assert statuses == [401, 401, 201]
