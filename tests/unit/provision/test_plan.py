"""A layout made concrete for one gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from services.provision.domain import Gateway, Layout, LayoutChannel, LayoutThing
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
