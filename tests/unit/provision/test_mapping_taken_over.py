"""What a dead process left, and what a living one keeps."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from services.provision.domain import StillRunning
from shared.errors import Conflict, Unavailable
from tests.unit.provision.world import Gate, World
from tests.waiting import eventually


async def test_what_a_dead_process_left_is_taken_back_by_another(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    await world.stop()
    with suppress(asyncio.CancelledError):
        await request
    assert world.journal.statuses() == ["running"]
    undoing, _ = world.new_process()
    world.journal.forget_workers()

    watching = asyncio.create_task(undoing.watch_for_ever())

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    watching.cancel()
    assert world.is_empty()


async def test_a_living_process_keeps_its_leases(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    watching = asyncio.create_task(world.undoing.watch_for_ever())

    async def is_kept() -> bool:
        return world.journal.extended == set(world.journal.mappings)

    await eventually(is_kept)
    gate.opened.set()
    await request
    watching.cancel()


async def test_a_process_whose_mapping_was_taken_over_does_not_claim_success(
    world: World,
) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    world.journal.forget_workers()
    undoing, _ = world.new_process()
    watching = asyncio.create_task(undoing.watch_for_ever())

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    watching.cancel()
    gate.opened.set()

    with pytest.raises(StillRunning):
        await request
    assert world.is_empty()


async def test_a_mapping_that_resists_is_stuck_and_still_tried(world: World) -> None:
    world.configs.fail("apply_configs", Conflict("taken"))
    world.things.fail("withdraw_set", Unavailable("down"), times=10**6)
    request = asyncio.create_task(world.map())

    async def is_stuck() -> bool:
        return world.journal.statuses() == ["stuck"]

    await eventually(is_stuck)
    world.things.recover()

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    with pytest.raises(Conflict):
        await request
    assert world.is_empty()
