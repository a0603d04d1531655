"""The same gateway mapped again: by whom, while the first is at work, after it lost a part."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from services.provision.domain import (
    ExternalIdTaken,
    Gateway,
    Layout,
    LayoutChannel,
    LayoutThing,
    MappingRunning,
    StillRunning,
)
from services.provision.service.mapping import Limits
from shared.errors import Conflict
from tests.unit.provision.world import ALICE, BOB, GATEWAY, LAYOUT, Gate, World


async def test_one_gateway_has_one_mapping_whatever_the_layout(world: World) -> None:
    bare = Layout(
        name="bare",
        things=(LayoutThing(name="thing"),),
        channels=(LayoutChannel(name="channel"),),
        makes_config=False,
        whitelists=False,
    )
    await world.map()

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(layout=bare)

    assert refused.value.details == {"differs": ["layout"]}
    assert len(world.things.sets) == 1


async def test_a_mapping_that_lost_a_part_while_it_was_made_is_replaced(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    await world.journal.mark_things_gone(next(iter(world.journal.plans.values())).thing_ids)
    gate.opened.set()
    await request

    assert world.journal.statuses() == ["broken"]
    assert not (await world.map()).is_replay
    assert world.journal.statuses() == ["deleted", "active"]


async def test_what_is_still_being_removed_is_waited_for(world: World) -> None:
    first = await world.map()
    await world.journal.mark_things_gone([first.answer.things[0].id])
    broken = next(iter(world.journal.plans))
    await world.journal.start_removal(broken, keep_channels=False)

    again = await world.map()

    assert not again.is_replay
    assert world.journal.statuses() == ["deleted", "active"]
    assert len(world.configs.configs) == 1


@pytest.mark.parametrize("lost", ["a channel", "the config"])
async def test_a_repetition_vouches_for_every_part(world: World, lost: str) -> None:
    await world.map()
    mapping_id = next(iter(world.journal.plans))
    if lost == "a channel":
        entities = world.things.sets[mapping_id]
        world.things.sets[mapping_id] = msgspec.structs.replace(
            entities, channels=entities.channels[1:]
        )
    else:
        await world.configs.withdraw_config("others", mapping_id)

    assert not (await world.map()).is_replay


async def test_the_same_request_again_is_the_same_mapping(world: World) -> None:
    first = await world.map(GATEWAY, ALICE)
    again = await world.map(GATEWAY, ALICE)

    assert again.is_replay
    assert again.answer == first.answer
    assert len(world.things.sets) == 1


async def test_other_members_for_the_same_external_id_are_a_conflict_that_names_them(
    world: World,
) -> None:
    await world.map(GATEWAY, ALICE)
    other = Gateway(external_id="gateway", external_key="other", name="edge-gw")

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(other, ALICE)

    assert refused.value.details == {"differs": ["external_key"]}


async def test_another_users_gateway_is_a_conflict_that_tells_nothing(world: World) -> None:
    await world.map(GATEWAY, ALICE)

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(GATEWAY, BOB)

    assert refused.value.details == {}


async def test_identical_requests_at_the_same_time_are_one_mapping(world: World) -> None:
    gate = Gate(world)
    requests = [asyncio.create_task(world.map()) for _ in range(200)]
    await gate.reached.wait()
    gate.opened.set()

    answers = await asyncio.gather(*requests)

    assert [mapped.is_replay for mapped in answers].count(False) == 1
    assert all(mapped.answer == answers[0].answer for mapped in answers)
    assert len(world.things.sets) == 1


async def test_identical_requests_at_two_processes_are_one_mapping(world: World) -> None:
    gate = Gate(world)
    _, other = world.new_process()
    first = asyncio.create_task(world.map())
    await gate.reached.wait()
    second = asyncio.create_task(other.map_gateway(LAYOUT, GATEWAY, ALICE))
    gate.opened.set()

    assert [(await first).is_replay, (await second).is_replay] == [False, True]
    assert len(world.things.sets) == 1


async def test_who_waits_for_a_mapping_that_fails_makes_it_himself(world: World) -> None:
    gate = Gate(world)
    world.configs.fail("apply_configs", Conflict("taken"))
    first = asyncio.create_task(world.map())
    await gate.reached.wait()
    second = asyncio.create_task(world.map())
    gate.opened.set()

    with pytest.raises(Conflict):
        await first
    assert not (await second).is_replay
    assert sorted(world.journal.statuses()) == ["active", "undone"]


async def test_who_waits_too_long_is_told_to_ask_again_and_the_mapping_goes_on(
    world: World,
) -> None:
    gate = Gate(world)
    limits = Limits(deadline=timedelta(seconds=5), patience=timedelta(seconds=0.05))
    undoing, hasty = world.new_process(limits=limits)

    with pytest.raises(StillRunning):
        await hasty.map_gateway(LAYOUT, GATEWAY, ALICE)
    with pytest.raises(MappingRunning):
        await hasty.map_gateway(LAYOUT, GATEWAY, ALICE)
    gate.opened.set()

    assert (await world.map()).is_replay
    await hasty.stop()
    await undoing.stop()


async def test_a_caller_who_hangs_up_changes_nothing(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()

    request.cancel()
    gate.opened.set()

    assert (await world.map()).is_replay


async def test_a_repetition_tells_todays_secrets(world: World) -> None:
    first = await world.map()
    thing_id = first.answer.things[0].id
    world.things.new_secrets[thing_id] = "changed since"

    again = await world.map()

    assert again.is_replay
    assert again.answer.things[0].key == "changed since"
    assert again.answer.things[0].credentials.secret == "changed since"
    assert again.answer.things[1] == first.answer.things[1]


async def test_a_mapping_with_a_disabled_thing_is_replaced_by_the_next_request(
    world: World,
) -> None:
    first = await world.map()
    world.things.disabled.add(first.answer.things[1].id)

    again = await world.map()

    assert not again.is_replay
    assert again.answer.things[0].id != first.answer.things[0].id
    assert sorted(world.journal.statuses()) == ["active", "deleted"]
    assert len(world.things.sets) == len(world.configs.configs) == 1


async def test_a_mapping_that_others_broke_frees_its_external_id(world: World) -> None:
    first = await world.map()
    await world.journal.mark_things_gone([first.answer.things[0].id])

    again = await world.map(Gateway(external_id="gateway", external_key="another key"))

    assert not again.is_replay
    assert sorted(world.journal.statuses()) == ["active", "deleted"]


async def test_without_a_config_each_user_has_the_external_id_for_himself(world: World) -> None:
    layout = Layout(
        things=(LayoutThing(name="thing"),),
        channels=(LayoutChannel(name="channel"),),
        makes_config=False,
        whitelists=False,
    )

    mine = await world.map(layout=layout)
    again = await world.map(layout=layout)
    bobs = await world.map(caller=BOB, layout=layout)

    assert [mine.is_replay, again.is_replay, bobs.is_replay] == [False, True, False]
    assert not world.configs.configs
