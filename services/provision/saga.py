"""The steps of a mapping and their undoing.

Reading the stages down is the order of work, reading them up that of rollback. Steps of one stage
need nothing of each other and run at the same time. Each step and each undo is safe to repeat,
because the plan has chosen every id, and because an undo also withdraws what it never saw.

A step is done for several mappings by one call. If that does not go well at once, each of them goes
on alone from the first step, with retries, and learns what is wrong with itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from msgspec import Struct

from services.provision.certifying import certified_answer, certified_config, signing_body
from services.provision.domain import StepReport, Unfinished
from services.provision.plan import Plan
from services.provision.ports import Certificates, Clock, Configs, Things
from shared.clock import parse_timestamp
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.certs import SignedSetBody
from shared.contracts.provision import MappingAnswerBody
from shared.contracts.things import WithdrawSetBody
from shared.errors import DomainError, Forbidden, NotFound, Unauthenticated, Unavailable

logger = structlog.get_logger(__name__)

T = TypeVar("T")
PAUSES_SECONDS = (0.1, 0.3, 1.0, 2.0)


class Peers(Struct, frozen=True):
    """The services that hold what a mapping makes."""

    things: Things
    configs: Configs
    certificates: Certificates


class Step(Struct, frozen=True):
    """One call to a service for some mappings, and its opposite for one.

    What it learns stands in their progress.
    """

    name: str
    do: Callable[[Sequence[Progress], Peers, str], Coroutine[Any, Any, None]]
    undo: Callable[[Unfinished, Peers, str], Awaitable[None]]


async def _apply_entities(group: Sequence[Progress], peers: Peers, token: str) -> None:
    made_at = await peers.things.apply_sets(
        token, {progress.plan.mapping_id: progress.plan.entities for progress in group}
    )
    for progress in group:
        progress.made_at = parse_timestamp(made_at[progress.plan.mapping_id])


async def _withdraw_entities(unfinished: Unfinished, peers: Peers, token: str) -> None:
    channels = [] if unfinished.keep_channels else unfinished.channel_ids
    withdrawal = WithdrawSetBody(things=unfinished.thing_ids, channels=channels)
    await peers.things.withdraw_set(token, unfinished.mapping_id, withdrawal)


async def _sign_certificates(group: Sequence[Progress], peers: Peers, token: str) -> None:
    async def sign(progress: Progress) -> None:
        plan = progress.plan
        if plan.certificates:
            progress.signed = await peers.certificates.sign_set(
                token, plan.mapping_id, signing_body(plan.certificates)
            )

    await _all_ended([sign(progress) for progress in group])


async def _withdraw_certificates(unfinished: Unfinished, peers: Peers, token: str) -> None:
    if unfinished.has_certificates:
        await peers.certificates.withdraw_set(token, unfinished.mapping_id)


async def _apply_config(group: Sequence[Progress], peers: Peers, token: str) -> None:
    configs = {
        progress.plan.mapping_id: config
        for progress in group
        if (config := progress.config()) is not None
    }
    if configs:
        await peers.configs.apply_configs(token, configs)


async def _withdraw_config(unfinished: Unfinished, peers: Peers, token: str) -> None:
    if unfinished.has_config:
        await peers.configs.withdraw_config(token, unfinished.mapping_id)


ENTITIES = Step("entities", do=_apply_entities, undo=_withdraw_entities)
CERTIFICATES = Step("certificates", do=_sign_certificates, undo=_withdraw_certificates)
CONFIG = Step("config", do=_apply_config, undo=_withdraw_config)

STAGES = ((ENTITIES, CONFIG),)
STAGES_WITH_CERTIFICATES = ((ENTITIES, CERTIFICATES), (CONFIG,))  # of which the config has one


class Progress:
    """What has been done of a mapping, and how it went.

    Attributes:
        made_at: When its entities were made.
        signed: Its certificates, once they are signed.
    """

    def __init__(self, plan: Plan, now: Clock, deadline_seconds: float) -> None:
        self.plan = plan
        self.made_at = now()
        self.signed: SignedSetBody | None = None
        self.reports: dict[str, StepReport] = {}
        self._now = now
        self._give_up_at = time.monotonic() + deadline_seconds
        self._refused = asyncio.Event()
        self._errors: defaultdict[str, list[str]] = defaultdict(list)

    def config(self) -> SetConfigBody | None:
        """What the gateway will fetch, with its certificate once there is one."""
        config = self.plan.config
        if config is None or self.signed is None:
            return config
        return certified_config(config, self.signed, self.plan.private_keys)

    def answer(self) -> MappingAnswerBody:
        """What the caller gets when everything is done."""
        answer = self.plan.answer(self.made_at)
        if self.signed is None:
            return answer
        return certified_answer(answer, self.signed, self.plan.certificates, self.plan.private_keys)

    def refuse(self) -> None:
        """A step was refused for good, so nothing else is tried again."""
        self._refused.set()

    async def persist(self, name: str, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Try until it works, is refused, or the mapping's deadline has passed.

        Raises:
            DomainError: The refusal, or after the deadline that the service is unavailable.
        """
        started_at, started = self._now(), time.monotonic()
        while True:
            try:
                result = await attempt()
            except Unavailable as error:
                tries = self.failed(name, error.code)
                pause = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS)) - 1]
                if time.monotonic() + pause > self._give_up_at or await self._is_refused(pause):
                    raise
            else:
                self.succeeded(name, started_at, time.monotonic() - started)
                return result

    def failed(self, name: str, code: str) -> int:
        """A try has failed; answers how many have."""
        self._errors[name].append(code)
        return len(self._errors[name])

    def succeeded(self, name: str, started_at: datetime, seconds: float) -> None:
        """A step is done, after as many tries as have failed and this one."""
        errors = self._errors[name]
        self.reports[name] = StepReport(
            name=name,
            started_at=started_at,
            seconds=round(seconds, 4),
            tries=len(errors) + 1,
            errors=errors,
        )

    async def _is_refused(self, pause: float) -> bool:
        """Whether another step is refused before the pause is over."""
        try:
            async with asyncio.timeout(pause):
                await self._refused.wait()
        except TimeoutError:
            return False
        return True

    async def wait_for(self, task: asyncio.Task[None]) -> None:
        """Wait for something that goes on by itself, at most until the deadline.

        Raises:
            Unavailable: It was not done by then.
        """
        done, _ = await asyncio.wait([task], timeout=self._give_up_at - time.monotonic())
        if not done:
            raise Unavailable("what an earlier mapping left cannot be removed yet")


async def try_together(
    group: Sequence[Progress],
    peers: Peers,
    get_token: Callable[[], Coroutine[Any, Any, str]],
    now: Clock,
) -> None:
    """Do every step once, for several mappings of one token.

    Raises:
        Exception: Something did not go well for one of them or all; what was done is not undone.
            The other steps of its stage have ended by then.
    """
    token = await _once("token", group, get_token, now)
    for stage in _stages(group):
        await _all_ended(
            [
                _once(step.name, group, partial(_attempt, step, group, peers, token), now)
                for step in stage
            ]
        )


async def carry_out(progress: Progress, peers: Peers, token: str) -> None:
    """Do every step of one mapping, each until it works.

    Raises:
        DomainError: What the first failing step's service said. The other steps of its stage
            have ended by then, so that an undo cannot be overtaken by them.
    """
    for stage in _stages([progress]):
        await _all_ended([_do(step, progress, peers, token) for step in stage])


async def take_back(unfinished: Unfinished, peers: Peers, token: str) -> None:
    """Undo every step, newest first; raises what a service said if one cannot yet."""
    for stage in reversed(STAGES_WITH_CERTIFICATES):
        for step in reversed(stage):
            await step.undo(unfinished, peers, token)


def _stages(group: Sequence[Progress]) -> tuple[tuple[Step, ...], ...]:
    if any(progress.plan.certificates for progress in group):
        return STAGES_WITH_CERTIFICATES
    return STAGES


async def _once(
    name: str, group: Sequence[Progress], attempt: Callable[[], Coroutine[Any, Any, T]], now: Clock
) -> T:
    started_at, started = now(), time.monotonic()
    try:
        result = await attempt()
    except DomainError as error:
        for progress in group:
            progress.failed(name, error.code)
        raise
    seconds = time.monotonic() - started
    for progress in group:
        progress.succeeded(name, started_at, seconds)
    return result


async def _do(step: Step, progress: Progress, peers: Peers, token: str) -> None:
    try:
        await progress.persist(step.name, lambda: _attempt(step, [progress], peers, token))
    except DomainError as error:
        if not isinstance(error, Unavailable):
            progress.refuse()
        raise


async def _attempt(step: Step, group: Sequence[Progress], peers: Peers, token: str) -> None:
    try:
        await step.do(group, peers, token)
    except (Unauthenticated, Forbidden, NotFound) as error:
        # Never the caller's fault: it is provision's own token, and provision's own address.
        logger.warning("provision_refused", step=step.name, code=error.code)
        raise Unavailable(f"{step.name} cannot be made right now") from None


async def _all_ended(steps: list[Coroutine[Any, Any, None]]) -> None:
    """Wait for every step, then raise the first failure, refusals before what may pass."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise min(failures, key=lambda failure: isinstance(failure, Unavailable))
