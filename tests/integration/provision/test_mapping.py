"""`POST /mapping` and `GET /mapping` over HTTP, with real things and bootstrap behind them."""

from __future__ import annotations

import asyncio
import json
import tomllib
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from services.provision.app import base_url
from tests.agent.agent import MainfluxAnswer, read_answer
from tests.fixtures.services import User
from tests.integration.provision.calls import (
    GATEWAY,
    map_gateway,
    total,
    totals,
)
from tests.integration.provision.conftest import LAYOUT, Platform


async def test_one_call_makes_what_the_printed_layout_says(platform: Platform, alice: User) -> None:
    response = await map_gateway(platform, alice)

    answer = await response.json()
    assert response.status == 201
    assert set(answer) == {"things", "channels", "whitelisted"}
    (thing,) = answer["things"]
    assert thing["name"] == "thing"
    assert thing["metadata"] == {"external_id": "33:52:79:C3:43"}
    assert thing["key"] == thing["credentials"]["secret"]
    assert [(c["name"], c["metadata"]) for c in answer["channels"]] == [
        ("control-channel", {"type": "control"}),
        ("data-channel", {"type": "data"}),
        ("export-channel", {"type": "export"}),
    ]
    assert answer["whitelisted"] == {thing["id"]: True}


async def test_the_answer_is_what_the_services_show(platform: Platform, alice: User) -> None:
    answer = await (await map_gateway(platform, alice)).json()

    (thing,) = answer["things"]
    shown = await (
        await platform.things.get(f"/things/{thing['id']}", headers=alice.headers)
    ).json()
    assert shown | {"metadata": thing["metadata"]} == thing
    for channel in answer["channels"]:
        response = await platform.things.get(f"/channels/{channel['id']}", headers=alice.headers)
        assert await response.json() == channel


async def test_the_gateways_thing_is_connected_to_every_channel(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()

    response = await platform.things.get(
        f"/things/{answer['things'][0]['id']}/channels", headers=alice.headers
    )
    page = await response.json()
    assert {channel["id"] for channel in page["channels"]} == {
        channel["id"] for channel in answer["channels"]
    }


async def test_the_agent_accepts_what_the_gateway_fetches(platform: Platform, alice: User) -> None:
    answer = await (await map_gateway(platform, alice)).json()

    response = await platform.bootstrap.get(
        "/things/bootstrap/33:52:79:C3:43", headers={"Authorization": "Thing 223334fw2"}
    )

    assert response.status == 200
    agent = read_answer(await response.read(), MainfluxAnswer)
    assert agent.mqtt_username == answer["things"][0]["id"]
    assert agent.mqtt_password == answer["things"][0]["key"]
    assert agent.control_channel == answer["channels"][0]["id"]
    assert agent.data_channel == answer["channels"][1]["id"]


async def test_the_content_is_the_layouts_value_by_value(platform: Platform, alice: User) -> None:
    printed = tomllib.loads(LAYOUT.read_text())["bootstrap"]["content"]

    shown = await platform.provision.get("/mapping", headers=alice.headers)
    await map_gateway(platform, alice)
    fetched = await platform.bootstrap.get(
        "/things/bootstrap/33:52:79:C3:43", headers={"Authorization": "Thing 223334fw2"}
    )

    assert await shown.json() == printed
    assert json.loads((await fetched.json())["content"]) == printed


async def test_a_name_in_the_request_is_the_things_name(platform: Platform, alice: User) -> None:
    response = await map_gateway(platform, alice, GATEWAY | {"name": "edge-gw"})

    assert (await response.json())["things"][0]["name"] == "edge-gw"


async def test_the_same_request_again_gets_the_same_answer_and_makes_nothing(
    platform: Platform, alice: User
) -> None:
    first = await map_gateway(platform, alice)
    again = await map_gateway(platform, alice)

    assert again.status == 201
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert await again.json() == await first.json()
    assert await totals(platform, alice) == (1, 3, 1)


async def test_a_second_gateway_of_the_same_user_and_layout_is_no_conflict(
    platform: Platform, alice: User
) -> None:
    first = await map_gateway(platform, alice)
    second = await map_gateway(platform, alice, GATEWAY | {"external_id": "other"})

    assert (first.status, second.status) == (201, 201)
    assert await totals(platform, alice) == (2, 6, 2)


async def test_parallel_mappings_do_not_mix(platform: Platform, alice: User) -> None:
    names = [f"gateway-{number}" for number in range(24)]

    responses = await asyncio.gather(
        *(
            map_gateway(
                platform,
                alice,
                {"external_id": name, "external_key": f"key of {name}", "name": name},
            )
            for name in names
        )
    )

    answers = [await response.json() for response in responses]
    assert [response.status for response in responses] == [201] * 24
    assert [answer["things"][0]["name"] for answer in answers] == names
    assert [answer["things"][0]["metadata"]["external_id"] for answer in answers] == names
    assert len({channel["id"] for answer in answers for channel in answer["channels"]}) == 72
    assert await totals(platform, alice) == (24, 72, 24)
    for name, answer in zip(names, answers, strict=True):
        fetched = await platform.bootstrap.get(
            f"/things/bootstrap/{name}", headers={"Authorization": f"Thing key of {name}"}
        )
        config = await fetched.json()
        assert config["thing_key"] == answer["things"][0]["key"]
        # The control channel comes first.
        assert sorted(channel["id"] for channel in config["channels"]) == sorted(
            channel["id"] for channel in answer["channels"]
        )
        shown = await platform.provision.get(f"/mappings/{name}", headers=alice.headers)
        steps = (await shown.json())["steps"]
        assert {step["name"] for step in steps} == {"token", "entities", "config"}


async def test_one_that_is_refused_among_many_harms_no_other(
    platform: Platform, new_platform: Callable[..., Awaitable[Platform]], alice: User, bob: User
) -> None:
    other_provision = await new_platform()  # with a journal of its own, so it does not know
    await map_gateway(other_provision, bob, {"external_id": "gateway-3", "external_key": "key"})

    responses = await asyncio.gather(
        *(
            map_gateway(
                platform, alice, {"external_id": f"gateway-{number}", "external_key": "key"}
            )
            for number in range(8)
        )
    )

    assert [response.status for response in responses] == [201] * 3 + [409] + [201] * 4
    assert await totals(platform, alice) == (7, 21, 7)


def is_packed_somewhere(value: bytes) -> bool:
    """Whether it can be unpacked, behind whatever."""
    for place in range(len(value)):
        with suppress(zlib.error):
            zlib.decompress(value[place:])
            return True
    return False


async def test_secrets_are_not_readable_in_the_journal_nor_in_events(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()
    secrets = [b"223334fw2", answer["things"][0]["key"].encode()]

    connection = await asyncpg.connect(platform.settings.database_url)
    rows = await connection.fetch("SELECT sealed_plan, steps::text, external_id FROM mappings")
    await connection.close()
    assert not is_packed_somewhere(rows[0]["sealed_plan"])

    stored = b"|".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )
    assert b"33:52:79:C3:43" in stored
    assert not [secret for secret in secrets if secret in stored]


async def test_a_mapping_of_the_printed_layout_fits_into_its_row(
    platform: Platform, alice: User
) -> None:
    await map_gateway(platform, alice)

    connection = await asyncpg.connect(platform.settings.database_url)
    beside = await connection.fetchval(
        "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'mappings'::regclass"
    )
    await connection.close()

    assert beside == 0


async def test_the_steps_and_their_times_are_in_the_journal(
    platform: Platform, alice: User
) -> None:
    await map_gateway(platform, alice)

    connection = await asyncpg.connect(platform.settings.database_url)
    row = await connection.fetchrow("SELECT status, steps FROM mappings")
    await connection.close()

    assert row is not None
    assert row["status"] == "active"
    steps = json.loads(row["steps"])
    assert {step["name"] for step in steps} == {"token", "entities", "config"}
    assert all(step["seconds"] > 0 and step["tries"] == 1 for step in steps)


async def test_a_layout_of_two_things_names_and_connects_each(
    new_platform: Callable[..., Awaitable[Platform]], alice: User, tmp_path: Path
) -> None:
    layout = tmp_path / "two.toml"
    layout.write_text(
        """
        [[things]]
        name = "gateway"
        [things.metadata]
        external_id = ""
        [[things]]
        name = "exporter"
        """
    )
    platform = await new_platform(PROVISION_CONFIG_FILE=str(layout))

    answer = await (await map_gateway(platform, alice, GATEWAY | {"name": "gw"})).json()

    assert [thing["name"] for thing in answer["things"]] == ["gw", "exporter"]
    assert answer["whitelisted"] == {thing["id"]: True for thing in answer["things"]}
    assert "external_id" not in answer["things"][1].get("metadata", {})
    for thing in answer["things"]:
        assert await total(platform, alice, f"/things/{thing['id']}/channels") == 2


async def test_the_gateways_metadata_is_there_from_the_start_and_without_its_key(
    platform: Platform, alice: User
) -> None:
    answer = await (await map_gateway(platform, alice)).json()

    thing_id = answer["things"][0]["id"]
    control, data, export = (channel["id"] for channel in answer["channels"])
    thing = await (await platform.things.get(f"/things/{thing_id}", headers=alice.headers)).json()
    assert thing["metadata"] == {
        "type": "gateway",
        "external_id": "33:52:79:C3:43",
        "cfg_id": thing_id,
        "ctrl_channel_id": control,
        "data_channel_id": data,
        "export_channel_id": export,
    }
    assert thing["updated_at"] == thing["created_at"]


@pytest.mark.parametrize(
    "configured",
    [
        "http://localhost:9013",
        "http://localhost:9013/",
        "http://localhost:9013/things",
        "http://localhost:9013/things/",
        "http://localhost:9013/things/configs",
        "http://localhost:9013/things/state",
        "http://localhost:9013/certs",
    ],
)
def test_a_base_url_may_carry_the_paths_that_people_configure(configured: str) -> None:
    assert base_url(configured) == "http://localhost:9013"
