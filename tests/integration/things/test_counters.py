"""Totals and deep pages are exact, whatever happened before and at the same time."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


async def counted(database: Database) -> dict[tuple[str, UUID, str], int]:
    rows = await database.fetch(
        """
        SELECT 'thing' AS entity, owner_id, status, count(*) AS entries FROM things
        GROUP BY owner_id, status
        UNION ALL
        SELECT 'channel', owner_id, status, count(*) FROM channels GROUP BY owner_id, status
        """
    )
    return {(row["entity"], row["owner_id"], row["status"]): row["entries"] for row in rows}


async def tallied(database: Database) -> dict[tuple[str, UUID, str], int]:
    rows = await database.fetch(
        """
        SELECT entity, owner_id, status, sum(entries)::bigint AS entries
        FROM tallies
        GROUP BY entity, owner_id, status
        HAVING sum(entries) <> 0
        """
    )
    return {(row["entity"], row["owner_id"], row["status"]): row["entries"] for row in rows}


def a_set(users: UsersStandIn, user: User) -> tuple[User, dict[str, Any], dict[str, Any]]:
    """A set of two things and a channel: caller, bodies to apply and withdraw it."""
    mapping_id, things, channel = uuid4(), [str(uuid4()), str(uuid4())], str(uuid4())
    token = users.token(user.id, kind="service", service="provision", scope=f"mapping:{mapping_id}")
    entities = {
        "things": [{"id": each, "name": "t", "secret": each} for each in things],
        "channels": [{"id": channel, "name": "c"}],
        "connections": [{"thing_id": things[0], "channel_id": channel}],
    }
    made = {"sets": {str(mapping_id): entities}}
    gone = {"mapping_id": str(mapping_id), "things": things, "channels": [channel]}
    return User(user.id, token), made, {"sets": [gone]}


async def test_totals_stay_exact_through_everything_that_changes_them(
    things_api: ThingsApi,
    things_database: Database,
    users_stand_in: UsersStandIn,
    alice: User,
    bob: User,
) -> None:
    async def live(user: User, other: User, seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(4):
            thing = await things_api.make_thing(user)
            channel = await things_api.make_channel(user)
            await things_api.call("POST", "/things/bulk", user, [{}, {"status": "disabled"}])
            await things_api.call(
                "POST", "/things/bulk", user, [{"key": thing["key"]}, {}]
            )  # refused
            service, made, gone = a_set(users_stand_in, user)
            await things_api.call("PUT", "/internal/sets", service, made)
            await things_api.call("POST", f"/things/{gone['sets'][0]['things'][0]}/disable", user)
            await things_api.call(
                "PATCH", f"/things/{thing['id']}/owner", user, {"owner": str(other.id)}
            )
            await things_api.call("PUT", f"/channels/{channel['id']}", user, {"name": "new"})
            await things_api.call("POST", f"/channels/{channel['id']}/disable", user)
            for change in dice.sample(
                [
                    ("DELETE", f"/things/{thing['id']}", other, None),
                    ("DELETE", f"/channels/{channel['id']}", user, None),
                    ("POST", f"/channels/{channel['id']}/enable", user, None),
                    ("DELETE", "/internal/sets", service, gone),
                ],
                k=3,
            ):
                await things_api.call(*change)

    await asyncio.gather(
        *(
            live(*people, seed)
            for seed, people in enumerate([(alice, bob), (bob, alice), (alice, bob), (bob, alice)])
        )
    )

    expected = await counted(things_database)
    assert await tallied(things_database) == expected
    for user in (alice, bob):
        for query, statuses in (
            ("", ["enabled"]),
            ("status=disabled", ["disabled"]),
            ("status=all", ["enabled", "disabled"]),
        ):
            for path, entity in (("/things", "thing"), ("/channels", "channel")):
                answer = await things_api.call("GET", f"{path}?limit=100&{query}", user)
                total = sum(expected.get((entity, user.id, each), 0) for each in statuses)
                assert answer.body["total"] == len(answer.body[path[1:]]) == total


async def test_an_admins_total_is_that_of_all_owners(
    things_api: ThingsApi, alice: User, bob: User, admin: User
) -> None:
    await things_api.call("POST", "/things/bulk", alice, [{}] * 3)
    await things_api.call("POST", "/things/bulk", bob, [{}, {"status": "disabled"}])

    enabled = await things_api.call("GET", "/things?limit=1", admin)
    everything = await things_api.call("GET", "/things?limit=1&status=all", admin)

    assert (enabled.body["total"], everything.body["total"]) == (4, 5)


async def test_deep_pages_are_exact_while_things_come_and_go(
    things_api: ThingsApi,
    things_database: Database,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.things.repository.things.ANCHORED_FROM", 0)
    monkeypatch.setattr("services.things.repository.anchors.ANCHOR_ENTRIES", 5)
    dice = random.Random(7)
    made = await things_api.call("POST", "/things/bulk", alice, [{}] * 60)
    ids = [thing["id"] for thing in made.body["things"]]

    async def pages(status: str) -> list[str]:
        found: list[str] = []
        for offset in range(0, 90, 7):
            answer = await things_api.call(
                "GET", f"/things?status={status}&limit=7&offset={offset}", alice
            )
            found += [thing["id"] for thing in answer.body["things"]]
        return found

    async def in_order(status: str) -> list[str]:
        rows = await things_database.fetch(
            """
            SELECT id FROM things WHERE owner_id = $1 AND status = $2 ORDER BY created_at, id
            """,
            alice.id,
            status,
        )
        return [str(row["id"]) for row in rows]

    for _ in range(3):
        assert await pages("enabled") == await in_order("enabled")
        assert await pages("disabled") == await in_order("disabled")
        dice.shuffle(ids)
        changes: list[tuple[str, str, Any]] = [
            *(("POST", f"/things/{each}/disable", None) for each in ids[:12]),
            *(("POST", f"/things/{each}/enable", None) for each in ids[12:20]),
            *(("DELETE", f"/things/{each}", None) for each in ids[20:24]),
            *(("PATCH", f"/things/{each}/owner", {"owner": str(bob.id)}) for each in ids[24:28]),
            *(("POST", "/things/bulk", [{}, {}]) for _ in range(3)),
        ]
        dice.shuffle(changes)
        await asyncio.gather(
            *(things_api.call(method, path, alice, body) for method, path, body in changes),
            pages("enabled"),
        )
    assert await pages("enabled") == await in_order("enabled")
    assert await things_database.fetchval("SELECT count(*) FROM anchors") >= 8
