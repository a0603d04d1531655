"""Who is at the same thing at the same time leaves one truth behind, and nobody is told a fault."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from shared.postgres.pool import Database
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


async def test_changes_of_everything_at_once_end_in_one_truth(
    things_api: ThingsApi, things_database: Database, alice: User
) -> None:
    made = await things_api.call("POST", "/things/bulk", alice, [{}] * 6)
    grouped = await things_api.call("POST", "/channels/bulk", alice, [{"name": "c"}] * 6)
    things = [thing["id"] for thing in made.body["things"]]
    channels = [channel["id"] for channel in grouped.body["channels"]]
    pairs = {"thing_ids": things, "channel_ids": channels}
    turned = {"thing_ids": things[::-1], "channel_ids": channels[::-1]}
    calls = [
        *(("POST", "/connect", each) for each in [pairs, turned] * 4),
        *(("POST", "/disconnect", each) for each in [pairs, turned] * 4),
        *(("POST", f"/things/{each}/disable", None) for each in things * 2),
        *(("POST", f"/things/{each}/enable", None) for each in things),
        *(("DELETE", f"/things/{each}", None) for each in things[:3] * 2),
        *(("DELETE", f"/channels/{each}", None) for each in channels[:3] * 2),
    ]
    random.Random(3).shuffle(calls)

    answers = await asyncio.gather(
        *(things_api.call(method, path, alice, body) for method, path, body in calls)
    )

    assert {answer.status for answer in answers} <= {200, 201, 204, 403, 404, 409}
    deleted = Counter(
        path
        for (method, path, _), answer in zip(calls, answers, strict=True)
        if method == "DELETE" and answer.status == 204
    )
    assert deleted == Counter(
        [f"/things/{each}" for each in things[:3]] + [f"/channels/{each}" for each in channels[:3]]
    )
    left = await things_api.call("GET", "/things?status=all", alice)
    assert [thing["id"] for thing in left.body["things"]] == things[3:]
    rows = await things_database.fetch("SELECT thing_id, channel_id FROM connections")
    assert {str(row["thing_id"]) for row in rows} <= set(things[3:])
    assert {str(row["channel_id"]) for row in rows} <= set(channels[3:])


async def test_one_of_many_who_take_a_secret_at_once_gets_it(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    things = [await things_api.make_thing(user) for user in (alice, bob) for _ in range(4)]
    owners = [alice] * 4 + [bob] * 4

    answers = await asyncio.gather(
        *(
            things_api.call("PATCH", f"/things/{thing['id']}/secret", user, {"secret": "wanted"})
            for thing, user in zip(things, owners, strict=True)
        ),
        *(things_api.call("POST", "/things", user, {"key": "wanted"}) for user in owners),
    )

    taken = [answer for answer in answers if answer.status in {200, 201}]
    assert len(taken) == 1
    assert {answer.outcome for answer in answers if answer not in taken} == {(409, "secret_taken")}
    assert (await things_api.identify("wanted")).body == {"id": taken[0].body["id"]}


async def test_one_of_many_who_give_a_thing_away_at_once_does(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    thing = await things_api.make_thing(alice)
    path = f"/things/{thing['id']}/owner"

    answers = await asyncio.gather(
        *(things_api.call("PATCH", path, alice, {"owner": str(new.id)}) for new in (bob, admin) * 4)
    )

    assert Counter(answer.status for answer in answers)[200] == 1
    assert {answer.status for answer in answers} <= {200, 403, 404}
    (given,) = [answer for answer in answers if answer.status == 200]
    seen = await things_api.call("GET", f"/things/{thing['id']}", admin)
    assert seen.body["owner"] == given.body["owner"]
