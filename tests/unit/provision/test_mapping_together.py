"""Mappings of the same moment: they share calls, not fates."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.provision.domain import Gateway
from services.provision.service.mapping import Limits, Mapped
from shared.errors import Conflict, Unavailable
from tests.unit.provision.world import Gate, World
from tests.waiting import eventually

EARLIER = 1 + 2 + 4 + 8  # mappings, after which a caller's next sixteen have one token


async def mapped_together(world: World, *names: str) -> list[Mapped | BaseException]:
    """Gateways mapped at the same moment, while another one of the same caller is at work."""
    for number in range(EARLIER):
        await world.map(Gateway(external_id=f"earlier {number}", external_key="key"))
    gate = Gate(world)
    first = asyncio.create_task(world.map(Gateway(external_id="first", external_key="key")))
    await gate.reached.wait()
    rest = [
        asyncio.create_task(world.map(Gateway(external_id=name, external_key="key")))
        for name in names
    ]

    async def all_claimed() -> bool:
        return len(world.journal.plans) == EARLIER + 1 + len(names)

    await eventually(all_claimed)
    gate.opened.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_mappings_of_the_same_moment_share_calls(world: World) -> None:
    names = [f"gateway {number}" for number in range(40)]

    answers = await mapped_together(world, *names)

    assert all(isinstance(answer, Mapped) for answer in answers)
    made = EARLIER + 1 + len(names)
    assert len(world.things.sets) == len(world.configs.configs) == made
    assert sorted(world.things.calls) == [1] * (EARLIER + 1) + [15, 25]


async def test_one_that_is_refused_does_not_hurt_those_it_came_with(world: World) -> None:
    world.configs.fail("apply_configs bad", Conflict("taken"), times=10**6)

    good, bad, other = await mapped_together(world, "good", "bad", "other")

    assert isinstance(bad, Conflict)
    assert isinstance(good, Mapped)
    assert isinstance(other, Mapped)
    external_ids = {config.external_id for config in world.configs.configs.values()}
    assert external_ids > {"first", "good", "other"}
    assert "bad" not in external_ids
    assert sorted(world.journal.statuses()) == ["active"] * (EARLIER + 3) + ["undone"]
    assert len(world.things.sets) == EARLIER + 3


async def test_those_who_met_a_service_that_was_down_go_on_one_by_one(world: World) -> None:
    world.configs.fail("apply_configs other", Unavailable("down"))
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(hours=1))
    _, world.service = world.new_process(limits=limits)

    answers = await mapped_together(world, "one", "other")

    assert all(isinstance(answer, Mapped) for answer in answers)
    steps = {
        world.journal.plans[mapping_id].gateway.external_id: step
        for mapping_id, steps in world.journal.steps.items()
        for step in steps
        if step.name == "config"
    }
    assert (steps["first"].tries, steps["first"].errors) == (1, [])
    assert (steps["other"].tries, steps["other"].errors) == (2, ["unavailable"])
