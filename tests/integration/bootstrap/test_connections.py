"""Users change the channels of configs, and remove configs that are active."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from shared.postgres.pool import Database
from tests.fixtures.services import User
from tests.integration.bootstrap.platform import Platform

UNAVAILABLE = "failed to receive response from Things service"


async def test_the_new_list_replaces_the_old_one_in_its_order(
    platform: Platform, alice: User
) -> None:
    first, second, third = await platform.make_channels(alice, 3)
    thing_id = await platform.added(alice, channels=[first, second])

    answer = await platform.replace(alice, thing_id, [third, second, third])

    assert (answer.status, await answer.read()) == (200, b"")
    assert await platform.channels(alice, thing_id) == [third, second]
    assert await platform.connected(alice, thing_id) == set()
    assert platform.faults.count("POST /connect") == 0


async def test_an_active_config_connects_what_is_new_and_disconnects_what_is_gone(
    platform: Platform, alice: User
) -> None:
    first, second, third = await platform.make_channels(alice, 3)
    thing_id = await platform.active(alice, channels=[first, second])

    answer = await platform.replace(alice, thing_id, [second, third])

    assert answer.status == 200
    assert await platform.channels(alice, thing_id) == [second, third]
    assert await platform.connected(alice, thing_id) == {second, third}
    assert await platform.state(alice, thing_id) == 1


@pytest.mark.parametrize("state", [0, 1])
async def test_an_empty_list_leaves_no_channel(platform: Platform, alice: User, state: int) -> None:
    thing_id = await platform.added(alice, channels=await platform.make_channels(alice, 2))
    await platform.switch(alice, thing_id, state)

    answer = await platform.replace(alice, thing_id, [])

    assert answer.status == 200
    assert await platform.channels(alice, thing_id) == []
    assert await platform.connected(alice, thing_id) == set()
    assert await platform.state(alice, thing_id) == state


async def test_what_is_no_list_of_channels_is_refused_and_changes_nothing(
    platform: Platform, alice: User
) -> None:
    kept = await platform.make_channels(alice, 1)
    thing_id = await platform.active(alice, channels=kept)
    malformed: list[Any] = [None, "x", [1], {}]
    unknown = [[str(uuid4())], ["nope"], [*kept, ""]]

    answers = [await platform.replace(alice, thing_id, channels) for channels in malformed]
    refusals = [await platform.replace(alice, thing_id, channels) for channels in unknown]

    assert [answer.status for answer in (*answers, *refusals)] == [400] * 7
    assert {(await answer.json())["message"] for answer in refusals} == {
        "failed to check channels connections"
    }
    assert await platform.channels(alice, thing_id) == kept
    assert await platform.connected(alice, thing_id) == set(kept)


async def test_another_users_channels_and_configs_are_out_of_reach(
    platform: Platform, alice: User, bob: User
) -> None:
    bobs = await platform.make_channels(bob, 1)
    thing_id = await platform.added(alice)

    foreign_channel = await platform.replace(alice, thing_id, bobs)
    foreign_config = await platform.replace(bob, thing_id, bobs)
    unknown_config = await platform.replace(bob, str(uuid4()), bobs)

    statuses = [foreign_channel.status, foreign_config.status, unknown_config.status]
    assert statuses == [400, 404, 404]


@pytest.mark.parametrize("call", ["POST /connect", "POST /disconnect", "GET /channels"])
async def test_when_things_fails_channels_and_connections_stay_as_they_were(
    platform: Platform, alice: User, call: str
) -> None:
    first, second, third = await platform.make_channels(alice, 3)
    thing_id = await platform.active(alice, channels=[first, second])
    platform.faults.answer(call, 503, done=True, times=3 if call.startswith("GET") else 1)

    answer = await platform.replace(alice, thing_id, [second, third])

    assert answer.status == 503
    assert (await answer.json())["message"] == UNAVAILABLE
    assert await platform.channels(alice, thing_id) == [first, second]
    platform.faults.stop()
    assert await platform.connected(alice, thing_id) == {first, second}


async def test_what_could_not_be_taken_back_is_restored_by_the_next_change(
    platform: Platform, alice: User
) -> None:
    first, second = await platform.make_channels(alice, 2)
    thing_id = await platform.active(alice, channels=[first])
    platform.faults.answer("POST /disconnect")  # neither the change nor its undoing
    refused = await platform.replace(alice, thing_id, [second])
    assert refused.status == 503
    assert await platform.connected(alice, thing_id) == {first, second}
    platform.faults.stop()

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 200
    assert await platform.channels(alice, thing_id) == [first]
    assert await platform.connected(alice, thing_id) == {first}


async def test_a_channel_that_left_meanwhile_is_not_brought_back(
    platform: Platform, alice: User, platform_database: Database
) -> None:
    kept, leaving, added = await platform.make_channels(alice, 3)
    thing_id = await platform.added(alice, channels=[kept, leaving])
    await platform_database.execute(
        """
        CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN new.channels = new.channels - 1; RETURN new; END $$
        """
    )
    await platform_database.execute(
        """
        CREATE TRIGGER leave BEFORE UPDATE ON configs FOR EACH ROW
        WHEN (old.changing IS NULL AND new.changing IS NOT NULL) EXECUTE FUNCTION leave()
        """
    )

    answer = await platform.replace(alice, thing_id, [leaving, kept, added])

    assert answer.status == 200
    assert await platform.channels(alice, thing_id) == [kept, added]


async def test_removing_an_active_config_disconnects_its_thing(
    platform: Platform, alice: User
) -> None:
    thing_id = await platform.active(alice, channels=await platform.make_channels(alice, 2))

    answer = await platform.remove(alice, thing_id)

    again = await platform.remove(alice, thing_id)
    assert [answer.status, again.status] == [204, 404]
    assert await platform.connected(alice, thing_id) == set()
    assert await platform.total_configs(alice) == 0


async def test_while_things_does_not_answer_an_active_config_stays(
    platform: Platform, alice: User
) -> None:
    channels = await platform.make_channels(alice, 2)
    thing_id = await platform.active(alice, channels=channels)
    platform.faults.answer("POST /disconnect")

    answer = await platform.remove(alice, thing_id)

    assert answer.status == 503
    assert (await answer.json())["message"] == UNAVAILABLE
    assert await platform.state(alice, thing_id) == 1
    assert await platform.connected(alice, thing_id) == set(channels)


async def test_another_users_or_an_unknown_config_is_not_removed(
    platform: Platform, alice: User, bob: User
) -> None:
    channels = await platform.make_channels(alice, 1)
    thing_id = await platform.active(alice, channels=channels)

    statuses = [(await platform.remove(bob, which)).status for which in (thing_id, str(uuid4()))]

    assert statuses == [404, 404]
    assert await platform.connected(alice, thing_id) == set(channels)
