"""Who is at the same thing at the same time leaves one truth behind, and nobody is told a fault."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import uuid4

from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
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


async def test_who_is_refused_harms_nobody_who_makes_things_at_the_same_time(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    other = await things_api.make_thing(alice, key="taken")
    withdrawn, twice = str(uuid4()), str(uuid4())
    await withdraw(things_api, users_stand_in, alice, withdrawn)
    bodies: list[dict[str, Any]] = [{"name": str(number)} for number in range(20)]
    bodies[3:3] = [{"id": other["id"]}, {"key": "taken"}]
    bodies[9:9] = [{"id": twice, "name": "first"}, {"id": twice, "name": "second"}]

    clean = await asyncio.gather(*(things_api.call("POST", "/things", alice, b) for b in bodies))
    bodies = [{"id": withdrawn}, *({"name": str(number)} for number in range(5))]
    mixed = await asyncio.gather(*(things_api.call("POST", "/things", alice, b) for b in bodies))

    refusals = Counter(answer.outcome for answer in clean if answer.status != 201)
    assert refusals == {(409, "id_taken"): 2, (409, "secret_taken"): 1}
    assert [answer.status for answer in mixed] == [409, *[201] * 5]
    assert mixed[0].outcome == (409, "id_withdrawn")
    made = [answer.body for answer in (*clean, *mixed) if answer.status == 201]
    assert len({thing["id"] for thing in made}) == len(made) == 26
    for thing in made:
        assert (await things_api.call("GET", f"/things/{thing['id']}", alice)).body == thing
    assert (await things_api.call("GET", "/things", alice)).body["total"] == 27


async def test_who_looks_at_the_same_time_sees_his_own_thing_and_nobody_elses(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    things = [(user, await things_api.make_thing(user)) for user in (alice, bob) for _ in range(5)]

    seen = await asyncio.gather(
        *(things_api.call("GET", f"/things/{thing['id']}", user) for user, thing in things),
        *(things_api.call("GET", f"/things/{thing['id']}", alice) for _, thing in things),
        *(things_api.call("GET", f"/things/{uuid4()}", alice) for _ in things),
    )

    assert [answer.body for answer in seen[:10]] == [thing for _, thing in things]
    assert [answer.status for answer in seen[10:]] == [200] * 5 + [404] * 15


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


async def withdraw(things_api: ThingsApi, users: UsersStandIn, user: User, thing_id: str) -> None:
    mapping_id = uuid4()
    token = users.token(
        user.id, kind="service", service="provision", scope=f"withdraw:{mapping_id}"
    )
    answer = await things_api.call(
        "DELETE",
        "/internal/sets",
        User(user.id, token),
        {"sets": [{"mapping_id": str(mapping_id), "things": [thing_id], "channels": []}]},
    )
    assert answer.status == 204
