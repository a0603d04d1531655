"""A layout made concrete for one gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from services.provision.domain import (
    FilledInNameTooLong,
    Gateway,
    Layout,
    LayoutChannel,
    LayoutThing,
)
from services.provision.plan import Plan, make_plan

OWNER = UUID(int=7)
GATEWAY = Gateway(external_id="33:52:79:C3:43", external_key="223334fw2", name="edge-gw")
CHANNELS = (
    LayoutChannel(name="data-channel", metadata={"type": "data"}),
    LayoutChannel(name="control-channel", metadata={"type": "control"}),
    LayoutChannel(name="export-channel", metadata={"type": "export"}),
)
LAYOUT = Layout(
    things=(
        LayoutThing(name="gateway", metadata={"external_id": "xxxxxx", "site": "roof"}),
        LayoutThing(name="sensor", metadata={"kind": "pt100"}),
    ),
    channels=CHANNELS,
    content={"agent": {"log": {"level": "info"}}},
)


def counting() -> Callable[[], UUID]:
    numbers = iter(range(1, 1000))
    return lambda: UUID(int=next(numbers))


def plan_for(layout: Layout = LAYOUT, *, keep_external_key: bool = False) -> Plan:
    return make_plan(
        layout, GATEWAY, owner_id=OWNER, new_id=counting(), keep_external_key=keep_external_key
    )


def test_the_requests_name_is_for_the_gateways_thing_only() -> None:
    assert [thing.name for thing in plan_for().entities.things] == ["edge-gw", "sensor"]


def test_the_external_id_goes_where_the_layout_has_one_and_nowhere_else() -> None:
    gateway, sensor = plan_for().entities.things

    assert gateway.metadata["external_id"] == "33:52:79:C3:43"
    assert sensor.metadata == {"kind": "pt100"}


def test_the_gateways_thing_knows_its_channels_by_their_kind_and_keeps_its_own_members() -> None:
    plan = plan_for()

    data, control, export = plan.entities.channels
    gateway = plan.entities.things[0]
    assert gateway.metadata == {
        "type": "gateway",
        "site": "roof",
        "external_id": "33:52:79:C3:43",
        "cfg_id": str(gateway.id),
        "ctrl_channel_id": str(control.id),
        "data_channel_id": str(data.id),
        "export_channel_id": str(export.id),
    }


def test_a_kind_of_channel_that_is_missing_is_an_empty_text() -> None:
    layout = msgspec.structs.replace(LAYOUT, channels=CHANNELS[:1])

    metadata = plan_for(layout).entities.things[0].metadata

    assert metadata["ctrl_channel_id"] == ""
    assert metadata["export_channel_id"] == ""


def test_the_external_key_is_not_in_the_metadata_unless_wanted() -> None:
    assert b"223334fw2" not in msgspec.json.encode(plan_for().entities)
    assert (
        plan_for(keep_external_key=True).entities.things[0].metadata["external_key"] == "223334fw2"
    )


def test_the_layouts_own_metadata_is_never_changed() -> None:
    before = msgspec.json.encode(LAYOUT)

    plan_for()

    assert msgspec.json.encode(LAYOUT) == before


def test_every_thing_is_connected_to_every_channel() -> None:
    entities = plan_for().entities

    assert [(c.thing_id, c.channel_id) for c in entities.connections] == [
        (thing.id, channel.id) for thing in entities.things for channel in entities.channels
    ]


def test_the_config_carries_what_bootstrap_would_have_to_ask_for() -> None:
    plan = plan_for()

    config, gateway = plan.config, plan.entities.things[0]
    assert config is not None
    assert (config.thing_id, config.thing_secret) == (gateway.id, gateway.secret)
    assert (config.external_id, config.external_key) == ("33:52:79:C3:43", "223334fw2")
    assert [channel.id for channel in config.channels] == [c.id for c in plan.entities.channels]
    assert json.loads(config.content) == {"agent": {"log": {"level": "info"}}}
    assert config.state == 1


def test_without_whitelisting_nothing_is_connected_and_the_config_is_inactive() -> None:
    plan = plan_for(msgspec.structs.replace(LAYOUT, whitelists=False))

    assert plan.entities.connections == []
    assert plan.whitelisted == []
    assert plan.config is not None
    assert plan.config.state == 0


def test_without_config_provisioning_there_is_no_config_and_no_gateway_metadata() -> None:
    plan = plan_for(msgspec.structs.replace(LAYOUT, whitelists=False, makes_config=False))

    assert plan.config is None
    assert plan.entities.things[0].metadata == {"external_id": "33:52:79:C3:43", "site": "roof"}


def test_the_answer_shows_the_layouts_metadata_and_both_forms_of_the_secret() -> None:
    plan = plan_for()

    answer = json.loads(
        msgspec.json.encode(plan.answer(datetime(2026, 11, 21, 19, 12, 4, tzinfo=UTC)))
    )

    gateway = answer["things"][0]
    assert gateway["metadata"] == {"external_id": "33:52:79:C3:43", "site": "roof"}
    assert gateway["key"] == gateway["credentials"]["secret"] == plan.entities.things[0].secret
    assert gateway["owner"] == str(OWNER)
    assert gateway["created_at"] == gateway["updated_at"] == "2026-11-21T19:12:04Z"
    assert answer["channels"][1]["name"] == "control-channel"
    assert answer["whitelisted"] == {str(thing.id): True for thing in plan.entities.things}
    assert "client_cert" not in answer
    assert "ca_cert" not in answer


def test_no_two_ids_or_secrets_are_the_same() -> None:
    entities = plan_for().entities

    chosen = [
        *(thing.id for thing in entities.things),
        *(UUID(thing.secret) for thing in entities.things),
        *(channel.id for channel in entities.channels),
    ]
    assert len(set(chosen)) == len(chosen)


def test_a_plan_survives_the_journal() -> None:
    plan = plan_for()

    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


TEMPLATE = Layout(
    things=(
        LayoutThing(
            name="gateway of ${external_id}",
            alias="gateway",
            metadata={"external_id": "", "seen": [{"by": "${things.gateway.id}"}], "n": 1},
        ),
        LayoutThing(name="sensor of ${name}", connect=("data",), tags=("pt100",)),
        LayoutThing(name="idle", connect=()),
    ),
    channels=(
        LayoutChannel(name="control", metadata={"type": "control"}),
        LayoutChannel(name="data of ${name}", alias="data", metadata={"type": "data"}),
    ),
    content={"topic": "channels/${channels.data.id}/messages", "price": "$${amount}"},
    is_template=True,
)


def test_a_thing_is_connected_to_the_channels_it_names() -> None:
    plan = plan_for(TEMPLATE)

    gateway, sensor, _ = plan.entities.things
    control, data = plan.entities.channels
    assert [(c.thing_id, c.channel_id) for c in plan.entities.connections] == [
        (gateway.id, control.id),
        (gateway.id, data.id),
        (sensor.id, data.id),
    ]
    assert plan.whitelisted == [gateway.id, sensor.id]
    assert [thing.tags for thing in plan.entities.things] == [[], ["pt100"], []]


def test_the_config_has_the_channels_that_the_gateways_thing_is_connected_to() -> None:
    layout = msgspec.structs.replace(
        LAYOUT,
        things=(
            LayoutThing(name="gateway", metadata={"external_id": ""}, connect=("control-channel",)),
        ),
    )

    plan = plan_for(layout)

    assert plan.config is not None
    assert [channel.name for channel in plan.config.channels] == ["control-channel"]
    metadata = plan.entities.things[0].metadata
    assert metadata["ctrl_channel_id"] == str(plan.entities.channels[1].id)
    assert metadata["data_channel_id"] == ""


def test_a_template_is_filled_in_everywhere() -> None:
    plan = plan_for(TEMPLATE)

    gateway = plan.entities.things[0]
    data = plan.entities.channels[1]
    assert [thing.name for thing in plan.entities.things] == [
        "edge-gw",
        "sensor of edge-gw",
        "idle",
    ]
    assert data.name == "data of edge-gw"
    assert gateway.metadata["seen"] == [{"by": str(gateway.id)}]
    assert gateway.metadata["n"] == 1
    assert plan.layout_metadata[0]["seen"] == [{"by": str(gateway.id)}]
    assert plan.config is not None
    assert json.loads(plan.config.content) == {
        "topic": f"channels/{data.id}/messages",
        "price": "${amount}",
    }


def test_without_a_name_in_the_request_a_template_uses_its_own_and_the_external_id() -> None:
    nameless = msgspec.structs.replace(GATEWAY, name="")

    plan = make_plan(TEMPLATE, nameless, owner_id=OWNER, new_id=counting())

    assert [thing.name for thing in plan.entities.things] == [
        "gateway of 33:52:79:C3:43",
        "sensor of 33:52:79:C3:43",
        "idle",
    ]


def test_a_layout_that_says_where_the_requests_name_goes_keeps_its_word() -> None:
    layout = msgspec.structs.replace(
        TEMPLATE, things=(LayoutThing(name="gw ${name}", metadata={"external_id": ""}),)
    )

    assert plan_for(layout).entities.things[0].name == "gw edge-gw"


def test_what_a_request_brings_is_never_taken_for_a_template() -> None:
    tricky = Gateway(external_id="${name}", external_key="key", name="${external_id}")

    plan = make_plan(TEMPLATE, tricky, owner_id=OWNER, new_id=counting())

    assert plan.entities.things[0].name == "${external_id}"
    assert plan.entities.things[1].name == "sensor of ${external_id}"
    assert plan.entities.things[0].metadata["external_id"] == "${name}"


def test_a_name_that_grows_too_long_is_refused() -> None:
    endless = Gateway(external_id="x" * 1024, external_key="key")

    with pytest.raises(FilledInNameTooLong):
        make_plan(TEMPLATE, endless, owner_id=OWNER, new_id=counting())


def test_without_a_template_texts_stay_as_they_are() -> None:
    plan = plan_for(msgspec.structs.replace(TEMPLATE, is_template=False))

    assert plan.entities.channels[1].name == "data of ${name}"
    assert plan.config is not None
    assert json.loads(plan.config.content)["price"] == "$${amount}"
