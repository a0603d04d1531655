"""`DELETE /mappings/{external_id}`: everything a mapping made is taken back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from nats.js import JetStreamContext

from shared.events.broker import STREAM
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.provision.calls import (
    GATEWAY,
    PATH,
    delete,
    get,
    map_gateway,
    status,
    totals,
)
from tests.integration.provision.conftest import Platform
from tests.waiting import eventually


@pytest.mark.parametrize("external_id", ["a/b", "ä ö", "100%", "x/retry", "a?b#c"])
async def test_any_external_id_can_be_shown_and_removed(
    platform: Platform, alice: User, external_id: str
) -> None:
    await map_gateway(platform, alice, GATEWAY | {"external_id": external_id})
    path = f"/mappings/{quote(external_id, safe='')}"

    assert (await (await get(platform, alice, path)).json())["external_id"] == external_id
    assert (await delete(platform, alice, path)).status == 204


async def test_removing_takes_everything_back_and_frees_the_external_id(
    platform: Platform, alice: User, bob: User
) -> None:
    await map_gateway(platform, alice)

    response = await delete(platform, alice)

    assert response.status == 204
    assert await totals(platform, alice) == (0, 0, 0)
    assert await status(platform, alice) == "deleted"
    assert (await delete(platform, alice)).status == 404
    assert (await map_gateway(platform, bob)).status == 201


async def test_removing_what_is_gone_already_is_fine(platform: Platform, alice: User) -> None:
    answer = await (await map_gateway(platform, alice)).json()
    channel = answer["channels"][0]["id"]
    await platform.things.delete(f"/channels/{channel}", headers=alice.headers)

    assert (await delete(platform, alice)).status == 204

    assert await totals(platform, alice) == (0, 0, 0)


async def test_removing_can_keep_the_channels(platform: Platform, alice: User) -> None:
    await map_gateway(platform, alice)

    response = await delete(platform, alice, f"{PATH}?keep=channels")

    assert response.status == 204
    assert await totals(platform, alice) == (0, 3, 0)


async def connect_a_stranger(platform: Platform, user: User, channel: str) -> str:
    """Connects another thing of the user to one of the mapping's channels."""
    thing = await (
        await platform.things.post("/things", json={"name": "other"}, headers=user.headers)
    ).json()
    response = await platform.things.put(
        f"/channels/{channel}/things/{thing['id']}", headers=user.headers
    )
    assert response.status == 201
    return str(thing["id"])


async def test_removing_what_others_are_connected_to_is_409_with_the_list_unless_forced(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()
    channel = answer["channels"][1]["id"]
    stranger = await connect_a_stranger(platform, alice, channel)

    refused = await delete(platform, alice)
    assert refused.status == 409
    problem = await refused.json()
    assert problem["code"] == "connected_elsewhere"
    assert problem["details"]["connections"] == [{"thing_id": stranger, "channel_id": channel}]
    assert await totals(platform, alice) == (2, 3, 1)

    forced = await delete(platform, alice, f"{PATH}?force=true")
    assert forced.status == 204
    assert await totals(platform, alice) == (1, 0, 0)


async def test_channels_that_are_kept_may_be_connected_to_others(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()
    await connect_a_stranger(platform, alice, answer["channels"][1]["id"])

    response = await delete(platform, alice, f"{PATH}?keep=channels")

    assert response.status == 204
    assert await totals(platform, alice) == (1, 3, 0)


async def test_many_removed_at_once_are_all_gone_and_a_refused_one_harms_no_other(
    platform: Platform, users_stand_in: UsersStandIn, new_user: Any
) -> None:
    users = [new_user() for _ in range(2)]
    bodies = [{"external_id": f"gw-{number}", "external_key": "k"} for number in range(80)]
    answers = await asyncio.gather(
        *(map_gateway(platform, users[number % 2], body) for number, body in enumerate(bodies))
    )
    mapped = await answers[0].json()
    stranger = await connect_a_stranger(platform, users[0], mapped["channels"][0]["id"])
    users_stand_in.exchanges.clear()

    responses = await asyncio.gather(
        *(delete(platform, users[n % 2], f"/mappings/gw-{n}") for n in range(80)),
        delete(platform, users[0], "/mappings/unknown"),
    )

    refused, *others, unknown = [response.status for response in responses]
    assert (refused, unknown) == (409, 404)
    assert others == [204] * 79
    problem = await responses[0].json()
    assert [each["thing_id"] for each in problem["details"]["connections"]] == [stranger]
    assert await totals(platform, users[0]) == (2, 3, 1)
    assert await totals(platform, users[1]) == (0, 0, 0)
    # One exchange for each group, and none but the look's.
    assert len(users_stand_in.exchanges) < 40
    scopes = [scope for exchange in users_stand_in.exchanges for scope in exchange.split(" ")]
    assert len(scopes) == len(set(scopes)) == 80


async def test_everything_that_is_removed_is_told_of_once(
    platform: Platform, alice: User, jetstream: JetStreamContext
) -> None:
    external_ids = [str(uuid4()) for _ in range(30)]
    mapped = await asyncio.gather(
        *(map_gateway(platform, alice, GATEWAY | {"external_id": each}) for each in external_ids)
    )
    answers = [await response.json() for response in mapped]

    await asyncio.gather(*(delete(platform, alice, f"/mappings/{each}") for each in external_ids))

    expected = Counter(
        [("mapping.deleted", each) for each in external_ids]
        + [("config.deleted", answer["things"][0]["id"]) for answer in answers]
        + [("thing.deleted", answer["things"][0]["id"]) for answer in answers]
        + [("channel.deleted", each["id"]) for answer in answers for each in answer["channels"]]
    )

    async def events() -> Counter[tuple[str, str]] | None:
        found: Counter[tuple[str, str]] = Counter()
        state = (await jetstream.stream_info(STREAM)).state
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
            message = await jetstream.get_msg(STREAM, sequence)
            kind = ".".join((message.subject or "").split(".")[-2:])
            told = json.loads(message.data or b"{}").get("data")  # other tests send garbage
            found.update((kind, text) for text in texts(told))
        seen = Counter({each: count for each, count in found.items() if each in expected})
        return seen if seen.keys() == expected.keys() else None

    assert await eventually(events, what="all events") == expected


def texts(value: Any) -> list[str]:
    """All texts in an event."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in texts(member)]
    return [value] if isinstance(value, str) else []
