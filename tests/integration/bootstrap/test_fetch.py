"""A gateway fetches its config, in clear."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from shared.contracts.bootstrap import ConfigChannelInput, State
from tests.agent.agent import GENERATIONS, DeviceAnswer, fetch, read_answer
from tests.integration.bootstrap.conftest import NewApi
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config

CONTROL = make_channel("control-channel", "control")
DATA = make_channel("data-channel", "data")
FIRST = make_channel("alarms", site="roof")
SECOND = make_channel("", "export")


async def test_a_gateway_of_every_generation_finds_its_members(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(
        make_config(
            channels=[CONTROL, DATA],
            content='{"agent":{}}',
            client_cert="CERT",
            client_key="KEY",
            ca_cert="CA",
        )
    )

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    channels = [
        {"id": str(CONTROL.id), "name": "control-channel", "metadata": {"type": "control"}},
        {"id": str(DATA.id), "name": "data-channel", "metadata": {"type": "data"}},
    ]
    thing_id, key = str(config.thing_id), config.thing_secret
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert await answer.json() == {
        "thing_id": thing_id,
        "thing_key": key,
        "channels": channels,
        "mainflux_id": thing_id,
        "mainflux_key": key,
        "mainflux_channels": channels,
        "client_id": thing_id,
        "client_secret": key,
        "id": thing_id,
        "content": '{"agent":{}}',
        "client_cert": "CERT",
        "client_key": "KEY",
        "ca_cert": "CA",
    }


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_the_agent_of_every_generation_starts_with_the_answer(
    bootstrap_api: Api, mappings: Mappings, generation: type[DeviceAnswer]
) -> None:
    config = await mappings.make(
        make_config(
            external_id="33:52:79/C3 43",
            channels=[FIRST, DATA, CONTROL],
            content='{"agent":{"mqtt":{"url":"localhost:1883"},"heartbeat":{"interval":"30s"}}}',
        )
    )

    url = str(bootstrap_api.client.make_url("/things/bootstrap"))
    setup = read_answer(await fetch(url, config.external_id, config.external_key), generation)

    assert setup.mqtt_username == str(config.thing_id)
    assert setup.mqtt_password == config.thing_secret
    assert setup.control_channel == str(CONTROL.id)
    assert setup.data_channel == str(DATA.id)
    assert setup.heartbeat_interval_seconds == 30


async def test_what_is_empty_is_left_out_but_channels_are_not(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(make_config(content="", channels=[]))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    body = await answer.json()
    assert body["channels"] == []
    assert body["mainflux_channels"] == []
    assert not body.keys() & {"content", "client_cert", "client_key", "ca_cert"}


async def test_a_channel_without_name_and_metadata_has_null_metadata(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    bare = make_channel("")
    config = await mappings.make(make_config(channels=[bare]))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    assert (await answer.json())["channels"] == [{"id": str(bare.id), "metadata": None}]


@pytest.mark.parametrize("given", list(permutations([CONTROL, DATA, FIRST])))
async def test_control_comes_first_and_data_second_whatever_order_was_given(
    bootstrap_api: Api, mappings: Mappings, given: tuple[ConfigChannelInput, ...]
) -> None:
    config = await mappings.make(make_config(channels=[*given, SECOND]))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    ids = [channel["id"] for channel in (await answer.json())["channels"]]
    assert ids == [str(channel.id) for channel in (CONTROL, DATA, FIRST, SECOND)]


async def test_a_channel_given_twice_is_one(bootstrap_api: Api, mappings: Mappings) -> None:
    config = await mappings.make(make_config(channels=[FIRST, SECOND, FIRST]))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    ids = [channel["id"] for channel in (await answer.json())["channels"]]
    assert ids == [str(FIRST.id), str(SECOND.id)]


@pytest.mark.parametrize("scheme", ["Thing ", "Client ", "Bearer "])
async def test_every_generations_scheme_is_accepted(
    bootstrap_api: Api, mappings: Mappings, scheme: str
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.fetch(config.external_id, config.external_key, scheme=scheme)

    assert answer.status == 200


@pytest.mark.parametrize("key", [None, "", "label-key", "Basic label-key", "thing label-key"])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_header_without_a_key_is_unauthenticated(
    bootstrap_api: Api, mappings: Mappings, key: str | None, secure: bool
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.fetch(config.external_id, key, scheme="", secure=secure)

    assert answer.status == 401
    assert (await answer.json())["error"] == "missing or invalid bearer entity key"


@pytest.mark.parametrize("key", ["wrong-key", "label-ke", "label-keys", "LABEL-KEY", "schlüssel"])
async def test_a_wrong_key_is_forbidden(bootstrap_api: Api, mappings: Mappings, key: str) -> None:
    config = await mappings.make(make_config(external_key="label-key"))

    answer = await bootstrap_api.fetch(config.external_id, key)

    body = await answer.json()
    assert answer.status == 403
    assert body["message"] == "failed to get bootstrap configuration for given external key"
    assert body["error"] == ""
    assert config.thing_secret not in str(body)


async def test_an_unknown_external_id_is_not_found(bootstrap_api: Api) -> None:
    answer = await bootstrap_api.fetch("nobody", "label-key")

    body = await answer.json()
    assert answer.status == 404
    assert body["message"] == "failed to read bootstrap configuration"
    assert body["error"] == "entity not found"


@pytest.mark.parametrize(
    "external_id",
    [
        "33:52:79:C3:43",
        "a/b/c",
        "/leading",
        "two words",
        "100%",
        "%2F",
        "größe-网关-🚪",
        "question?mark#hash",
        "line\nbreak",
        "secure",
        "secure/nested",
        "x" * 1024,
    ],
)
async def test_external_ids_are_any_text(
    bootstrap_api: Api, mappings: Mappings, external_id: str
) -> None:
    config = await mappings.make(make_config(external_id=external_id))

    answer = await bootstrap_api.fetch(external_id, config.external_key)

    assert answer.status == 200
    assert (await answer.json())["thing_id"] == str(config.thing_id)


@pytest.mark.parametrize("path", ["33:52:79:C3:43", "a/b/c", "a%2Fb/c"])
async def test_colons_and_slashes_need_no_encoding(
    bootstrap_api: Api, mappings: Mappings, path: str
) -> None:
    config = await mappings.make(make_config(external_id=path.replace("%2F", "/")))

    answer = await bootstrap_api.client.get(
        f"/things/bootstrap/{path}", headers={"Authorization": f"Thing {config.external_key}"}
    )

    assert answer.status == 200


async def test_a_key_outside_ascii_is_compared_as_utf_8(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(make_config(external_key="schlüssel mit blank 🔑"))

    answer = await bootstrap_api.fetch(config.external_id, "schlüssel mit blank 🔑")

    assert answer.status == 200


async def test_an_inactive_config_is_handed_out(bootstrap_api: Api, mappings: Mappings) -> None:
    config = await mappings.make(make_config(state=State.INACTIVE))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    assert answer.status == 200


@pytest.mark.parametrize(("state", "status"), [(State.ACTIVE, 200), (State.INACTIVE, 404)])
async def test_only_active_configs_are_handed_out_where_that_is_required(
    new_api: NewApi,
    mappings_in: Callable[[Api], Mappings],
    state: State,
    status: int,
) -> None:
    api = await new_api(BOOTSTRAP_REQUIRE_ACTIVE="true")
    config = await mappings_in(api).make(make_config(state=state))

    answer = await api.fetch(config.external_id, config.external_key)

    assert answer.status == status
