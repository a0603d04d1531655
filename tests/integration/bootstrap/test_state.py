"""Users switch configs on and off, and things is connected accordingly."""

from __future__ import annotations

import asyncio
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from nats.js import JetStreamContext

from shared.postgres.pool import Database
from tests.fixtures.services import User
from tests.integration.bootstrap.platform import Platform
from tests.integration.bootstrap.test_events import told_until
from tests.waiting import eventually

UNAVAILABLE = "failed to receive response from Things service"


async def test_switching_on_connects_to_every_channel_by_one_call(
    platform: Platform, alice: User, jetstream: JetStreamContext
) -> None:
    channels = await platform.make_channels(alice, 3)
    thing_id = await platform.added(alice, channels=channels)

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 200
    assert await answer.read() == b""
    assert await platform.state(alice, thing_id) == 1
    assert await platform.connected(alice, thing_id) == set(channels)
    assert platform.faults.count("POST /connect") == 1
    events = await told_until(jetstream, UUID(thing_id), "activated")
    assert events[-1] == ("activated", {"thing_id": thing_id})


async def test_switching_off_disconnects_from_every_channel(
    platform: Platform, alice: User, jetstream: JetStreamContext
) -> None:
    channels = await platform.make_channels(alice, 3)
    thing_id = await platform.active(alice, channels=channels)

    answer = await platform.switch(alice, thing_id, 0)

    assert (answer.status, await answer.read()) == (200, b"")
    assert await platform.state(alice, thing_id) == 0
    assert await platform.connected(alice, thing_id) == set()
    events = await told_until(jetstream, UUID(thing_id), "deactivated")
    assert events[-1] == ("deactivated", {"thing_ids": [thing_id]})


@pytest.mark.parametrize("count", [1, 3])
async def test_a_channel_that_is_not_connected_counts_as_disconnected(
    platform: Platform, alice: User, platform_database: Database, count: int
) -> None:
    channels = await platform.make_channels(alice, count)
    thing_id = await platform.added(alice, channels=channels)
    await platform.things.put(f"/channels/{channels[-1]}/things/{thing_id}", headers=alice.headers)
    if count == 1:
        await platform.things.delete(
            f"/channels/{channels[-1]}/things/{thing_id}", headers=alice.headers
        )
    await platform_database.execute("UPDATE configs SET state = 1")

    answer = await platform.switch(alice, thing_id, 0)

    assert answer.status == 200
    assert await platform.state(alice, thing_id) == 0
    assert await platform.connected(alice, thing_id) == set()


@pytest.mark.parametrize("state", [0, 1])
async def test_the_state_there_is_changes_nothing(
    platform: Platform, alice: User, state: int
) -> None:
    thing_id = await platform.added(alice, channels=await platform.make_channels(alice, 1))
    await platform.switch(alice, thing_id, state)
    platform.faults.calls.clear()

    answer = await platform.switch(alice, thing_id, state)

    assert answer.status == 200
    assert platform.faults.calls == []


async def test_a_config_without_channels_is_switched_without_things(
    platform: Platform, alice: User
) -> None:
    thing_id = await platform.added(alice)
    platform.faults.answer("")

    answers = [await platform.switch(alice, thing_id, state) for state in (1, 0)]

    assert [answer.status for answer in answers] == [200, 200]


async def test_what_is_no_state_is_refused(platform: Platform, alice: User) -> None:
    thing_id = await platform.added(alice)
    malformed = [
        b"{}",
        b'{"state":2}',
        b'{"state":-1}',
        b'{"state":"1"}',
        b'{"state":null}',
        b'{"state":true}',
        b"null",
        b"{",
    ]

    async def status(body: bytes, content_type: str = "application/json") -> int:
        answer = await platform.api.client.put(
            f"/things/state/{thing_id}",
            data=BytesIO(body),
            headers=alice.headers | {"Content-Type": content_type},
        )
        return answer.status

    assert [await status(body) for body in malformed] == [400] * len(malformed)
    assert await status(b'{"state":1}', "text/plain") == 415
    assert await platform.state(alice, thing_id) == 0


async def test_the_state_of_an_unknown_or_another_users_config_is_not_found(
    platform: Platform, alice: User, bob: User, admin: User
) -> None:
    thing_id = await platform.added(alice)

    statuses = [
        (await platform.switch(user, which, 1)).status
        for user, which in (
            (alice, str(uuid4())),
            (alice, "nope"),
            (bob, thing_id),
            (admin, thing_id),
        )
    ]

    assert statuses == [404] * 4
    assert await platform.state(alice, thing_id) == 0


@pytest.mark.parametrize(
    ("status", "done"), [(503, False), (503, True), (403, False), (404, False)]
)
async def test_when_things_does_not_connect_the_config_stays_off_and_nothing_is_connected(
    platform: Platform, alice: User, status: int, done: bool
) -> None:
    thing_id = await platform.added(alice, channels=await platform.make_channels(alice, 2))
    platform.faults.answer("POST /connect", status, done=done)

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 503
    assert (await answer.json())["message"] == UNAVAILABLE
    assert await platform.state(alice, thing_id) == 0
    assert await platform.connected(alice, thing_id) == set()
    platform.faults.stop()
    assert (await platform.switch(alice, thing_id, 1)).status == 200


async def test_when_things_does_not_disconnect_the_config_stays_on_and_connected(
    platform: Platform, alice: User
) -> None:
    channels = await platform.make_channels(alice, 2)
    thing_id = await platform.active(alice, channels=channels)
    platform.faults.answer("POST /disconnect", done=True)

    answer = await platform.switch(alice, thing_id, 0)

    assert answer.status == 503
    assert await platform.state(alice, thing_id) == 1
    assert await platform.connected(alice, thing_id) == set(channels)


async def test_one_channel_that_is_gone_keeps_the_others_from_being_connected(
    platform: Platform, alice: User, platform_database: Database
) -> None:
    channels = await platform.make_channels(alice, 2)
    thing_id = await platform.added(alice, channels=channels)
    gone = [{"id": str(uuid4()), "name": "gone", "metadata": {}}]
    await platform_database.execute("UPDATE configs SET channels = channels || $1::jsonb", gone)

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 503
    assert await platform.connected(alice, thing_id) == set()
    assert await platform.state(alice, thing_id) == 0


async def test_what_cannot_be_stored_is_taken_back_but_not_what_was_connected_before(
    platform: Platform, alice: User, platform_database: Database
) -> None:
    channels = await platform.make_channels(alice, 3)
    thing_id = await platform.added(alice, channels=channels)
    await platform.things.put(f"/channels/{channels[0]}/things/{thing_id}", headers=alice.headers)
    await platform_database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$
        """
    )
    await platform_database.execute(
        """
        CREATE TRIGGER refuse BEFORE UPDATE ON configs FOR EACH ROW
        WHEN (old.state <> new.state) EXECUTE FUNCTION refuse()
        """
    )

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 503
    assert await platform.connected(alice, thing_id) == {channels[0]}
    await platform_database.execute("DROP TRIGGER refuse ON configs")
    assert (await platform.switch(alice, thing_id, 1)).status == 200
    assert await platform.connected(alice, thing_id) == set(channels)


async def test_a_config_that_ends_while_it_is_switched_on_leaves_nothing_connected(
    platform: Platform, alice: User, platform_database: Database
) -> None:
    thing_id = await platform.added(alice, channels=await platform.make_channels(alice, 2))
    await platform_database.execute(
        """
        CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN DELETE FROM configs WHERE thing_id = old.thing_id; RETURN NULL; END $$
        """
    )
    await platform_database.execute(
        """
        CREATE TRIGGER vanish AFTER UPDATE OF changing ON configs FOR EACH ROW
        EXECUTE FUNCTION vanish()
        """
    )

    answer = await platform.switch(alice, thing_id, 1)

    assert answer.status == 404
    assert await platform.connected(alice, thing_id) == set()


async def test_parallel_state_changes_leave_one_truth(platform: Platform, alice: User) -> None:
    channels = await platform.make_channels(alice, 2)
    thing_id = await platform.added(alice, channels=channels)

    for _ in range(3):
        answers = await asyncio.gather(
            *(platform.switch(alice, thing_id, number % 2) for number in range(10))
        )

        state = await platform.state(alice, thing_id)
        assert [answer.status for answer in answers] == [200] * 10
        assert await platform.connected(alice, thing_id) == (set(channels) if state else set())


async def test_state_and_channels_changed_in_parallel_leave_one_truth(
    platform: Platform, alice: User
) -> None:
    channels = await platform.make_channels(alice, 4)
    thing_id = await platform.added(alice, channels=channels[:2])

    for _ in range(3):
        answers = await asyncio.gather(
            *(platform.switch(alice, thing_id, number % 2) for number in range(4)),
            *(platform.replace(alice, thing_id, channels[number:]) for number in range(4)),
        )

        config = await platform.view(alice, thing_id)
        wanted = {channel["id"] for channel in config["channels"]} if config["state"] else set()
        assert [answer.status for answer in answers] == [200] * 8
        assert await platform.connected(alice, thing_id) == wanted


@pytest.mark.parametrize("state", [0, 1])
async def test_after_a_change_that_was_cut_off_the_next_one_restores_the_truth(
    platform: Platform, alice: User, platform_database: Database, state: int
) -> None:
    channels = await platform.make_channels(alice, 2)
    thing_id = await platform.added(alice, channels=channels)
    await platform.switch(alice, thing_id, state)
    path = f"/channels/{channels[0]}/things/{thing_id}"
    await platform.things.request("DELETE" if state else "PUT", path, headers=alice.headers)

    async def noticed() -> bool:
        return await platform.state(alice, thing_id) == 0

    if state:
        await eventually(noticed, what="the state after a disconnection")
    await platform_database.execute(
        """
        UPDATE configs SET state = $1, changing = gen_random_uuid(), changing_until = now()
        """,
        state,
    )

    answer = await platform.switch(alice, thing_id, state)

    assert answer.status == 200
    assert await platform.connected(alice, thing_id) == (set(channels) if state else set())
    platform.faults.calls.clear()
    await platform.switch(alice, thing_id, state)
    assert platform.faults.count("POST") == 0
