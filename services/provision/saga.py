"""The steps of a mapping and their undoing.

Reading `STAGES` down is the order of work, reading it up the order of rollback. Steps of one stage
need nothing of each other and run at the same time. Each step and each undo is safe to repeat,
because the plan has chosen every id, and because an undo also withdraws what it never saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from services.provision.domain import StepReport
from services.provision.plan import Plan
from services.provision.ports import Clock, Configs, Things
from shared.clock import parse_timestamp

T = TypeVar("T")


class Peers(Struct, frozen=True):
    """The services that hold what a mapping makes."""

    things: Things
    configs: Configs


class Step(Struct, frozen=True):
    """One call to a service and its opposite; `do` may answer when its entities were made."""

    name: str
    do: Callable[[Plan, Peers, str], Coroutine[Any, Any, datetime | None]]
    undo: Callable[[Plan, Peers, str], Awaitable[None]]


async def _apply_entities(plan: Plan, peers: Peers, token: str) -> datetime | None:
    applied = await peers.things.apply_set(token, plan.mapping_id, plan.entities)
    return parse_timestamp(applied.created_at)


async def _withdraw_entities(plan: Plan, peers: Peers, token: str) -> None:
    await peers.things.withdraw_set(token, plan.mapping_id, plan.withdrawal())


async def _apply_config(plan: Plan, peers: Peers, token: str) -> datetime | None:
    if plan.config is not None:
        await peers.configs.apply_config(token, plan.mapping_id, plan.config)
    return None


async def _withdraw_config(plan: Plan, peers: Peers, token: str) -> None:
    if plan.config is not None:
        await peers.configs.withdraw_config(token, plan.mapping_id)


ENTITIES = Step("entities", do=_apply_entities, undo=_withdraw_entities)
CONFIG = Step("config", do=_apply_config, undo=_withdraw_config)

STAGES = ((ENTITIES, CONFIG),)


async def carry_out(
    plan: Plan, peers: Peers, token: str, now: Clock
) -> tuple[datetime, list[StepReport]]:
    """Do every step.

    Returns:
        When the entities were made, and how each step went.

    Raises:
        DomainError: What the first failing step's service said. The other steps of its stage
            have ended by then, so that an undo cannot be overtaken by them.
    """
    made_at = now()
    reports: list[StepReport] = []
    for stage in STAGES:
        results = await _all_ended([_timed(step, plan, peers, token, now) for step in stage])
        for moment, report in results:
            made_at = moment or made_at
            reports.append(report)
    return made_at, reports


async def take_back(plan: Plan, peers: Peers, token: str) -> None:
    """Undo every step, newest first; raises what a service said if one cannot yet."""
    for stage in reversed(STAGES):
        for step in reversed(stage):
            await step.undo(plan, peers, token)


async def _timed(
    step: Step, plan: Plan, peers: Peers, token: str, now: Clock
) -> tuple[datetime | None, StepReport]:
    started_at, started = now(), time.perf_counter()
    made_at = await step.do(plan, peers, token)
    seconds = round(time.perf_counter() - started, 4)
    return made_at, StepReport(name=step.name, started_at=started_at, seconds=seconds)


async def _all_ended(steps: list[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, or the first failure after every step has ended."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
    return [result for result in results if not isinstance(result, BaseException)]
