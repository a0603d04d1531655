"""Exactly once, or nothing left: the rules of a mapping, each step failing in turn."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from services.provision.domain import (
    ExternalIdTaken,
    Gateway,
    MissingExternalId,
    MissingExternalKey,
)
from services.provision.service.mapping import Limits
from shared.errors import Conflict, DomainError, Forbidden, NotFound, Unauthenticated, Unavailable
from tests.unit.provision.world import ALICE, BOB, GATEWAY, LAYOUT, World


async def test_a_mapping_makes_everything_and_says_so(world: World) -> None:
    mapped = await world.map(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert [thing.name for thing in mapped.answer.things] == ["edge-gw", "sensor"]
    assert len(world.things.sets) == len(world.configs.configs) == 1
    assert world.journal.statuses() == ["active"]


async def test_the_plan_is_written_down_before_the_first_call(world: World) -> None:
    seen: list[list[str]] = []
    apply = world.things.apply_sets

    async def look(*arguments: object) -> object:
        seen.append(world.journal.statuses())
        return await apply(*arguments)  # type: ignore[arg-type]

    world.things.apply_sets = look  # type: ignore[method-assign,assignment]
    await world.map(GATEWAY, ALICE)

    assert seen == [["running"]]


async def test_services_are_called_with_a_token_for_this_mapping_only(world: World) -> None:
    await world.map(GATEWAY, ALICE)

    mapping_id = next(iter(world.journal.mappings))
    assert world.things.tokens == [f"caller mapping:{mapping_id}"]


@pytest.mark.parametrize(
    ("service", "call"),
    [("users", "act_for_caller"), ("things", "apply_sets"), ("configs", "apply_configs")],
)
@pytest.mark.parametrize("error", [Conflict("taken"), Unavailable("down")], ids=["refusal", "503"])
async def test_whichever_step_fails_for_good_nothing_is_left_and_the_caller_gets_the_cause(
    world: World, service: str, call: str, error: DomainError
) -> None:
    getattr(world, service).fail(call, error, times=10**6)

    with pytest.raises(type(error)) as refused:
        await world.map(GATEWAY, ALICE)

    assert refused.value is error
    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]
    assert list(world.journal.reasons.values()) == [error.code]


@pytest.mark.parametrize(
    ("service", "call"),
    [("users", "act_for_caller"), ("things", "apply_sets"), ("configs", "apply_configs")],
)
async def test_a_service_that_comes_back_before_the_deadline_only_costs_time(
    world: World, service: str, call: str
) -> None:
    getattr(world, service).fail(call, Unavailable("down"), times=3)
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(hours=1))
    undoing, patient = world.new_process(limits=limits)

    mapped = await patient.map_gateway(LAYOUT, GATEWAY, ALICE)
    await undoing.stop()

    assert not mapped.is_replay
    assert world.journal.statuses() == ["active"]


async def test_a_refusal_is_told_at_once_even_if_another_service_is_down(world: World) -> None:
    world.things.fail("apply_sets", Unavailable("down"), times=10**6)
    world.configs.fail("apply_configs", Conflict("taken"))
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(seconds=5))
    undoing, service = world.new_process(limits=limits)

    with pytest.raises(Conflict):
        await service.map_gateway(LAYOUT, GATEWAY, ALICE)

    await undoing.stop()


@pytest.mark.parametrize("error", [Unauthenticated(), Forbidden(), NotFound()])
async def test_what_a_service_holds_against_provision_is_not_the_callers_fault(
    world: World, error: DomainError
) -> None:
    world.things.fail("apply_sets", error, times=10**6)

    with pytest.raises(Unavailable):
        await world.map()

    assert world.is_empty()


async def test_a_wrong_service_secret_is_not_the_callers_fault(world: World) -> None:
    refusal = Unauthenticated()
    refusal.code = "unknown_service"
    world.users.fail("act_for_caller", refusal, times=10**6)

    with pytest.raises(Unavailable):
        await world.map()


@pytest.mark.parametrize(
    ("service", "call"),
    [("things", "withdraw_set"), ("configs", "withdraw_config"), ("users", "act_for_user")],
)
async def test_an_undo_goes_on_until_every_service_has_answered(
    world: World, service: str, call: str
) -> None:
    world.configs.fail("apply_configs", Conflict("taken"))
    getattr(world, service).fail(call, Unavailable("down"), times=7)

    with pytest.raises(Conflict):
        await world.map(GATEWAY, ALICE)

    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]


async def test_a_step_that_only_seemed_to_fail_cannot_come_to_life_after_the_undo(
    world: World,
) -> None:
    world.configs.fail("apply_configs", Unavailable("timed out"), times=10**6)
    with pytest.raises(Unavailable):
        await world.map(GATEWAY, ALICE)
    plan = next(iter(world.journal.plans.values()))
    world.configs.recover()

    assert plan.config is not None
    with pytest.raises(Conflict):
        await world.configs.apply_configs("late", {plan.mapping_id: plan.config})


async def test_after_a_failure_the_same_request_succeeds(world: World) -> None:
    world.things.fail("apply_sets", Unavailable("down"), times=10**6)
    with suppress(Unavailable):
        await world.map(GATEWAY, ALICE)
    world.things.recover()

    mapped = await world.map(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert sorted(world.journal.statuses()) == ["active", "undone"]


async def test_a_dry_run_does_nothing_and_finds_the_same_conflicts(world: World) -> None:
    before = await world.service.preview(LAYOUT, GATEWAY, ALICE)
    assert not before.is_replay
    assert world.is_empty()
    await world.map()

    after = await world.service.preview(LAYOUT, GATEWAY, ALICE)

    assert after.is_replay
    with pytest.raises(ExternalIdTaken):
        await world.service.preview(LAYOUT, GATEWAY, BOB)


@pytest.mark.parametrize(
    ("gateway", "error"),
    [
        (Gateway(external_id="", external_key="key"), MissingExternalId),
        (Gateway(external_id="gateway", external_key=""), MissingExternalKey),
    ],
)
async def test_an_incomplete_label_is_refused(
    world: World, gateway: Gateway, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await world.map(gateway, ALICE)

    assert world.journal.statuses() == []


async def test_nothing_is_reserved_for_an_incomplete_label(world: World) -> None:
    with pytest.raises(MissingExternalKey):
        await world.map(Gateway(external_id="gateway", external_key=""), ALICE)

    await world.map(GATEWAY, ALICE)

    (mapping_id,) = world.journal.mappings
    assert world.things.tokens == [f"caller mapping:{mapping_id}"]  # the first has one alone


async def test_a_mapping_that_cannot_be_answered_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError

    monkeypatch.setattr("services.provision.saga.Progress.answer", fail)

    with pytest.raises(KeyError):
        await world.map(GATEWAY, ALICE)

    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]
