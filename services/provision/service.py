"""The rules of a mapping: who may, what is new, what is a repetition, and when it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import structlog
from msgspec import Struct

from services.provision.credentials import Credentials
from services.provision.domain import (
    ExternalIdTaken,
    Gateway,
    Layout,
    Mapping,
    MappingRunning,
    MappingStatus,
    MissingExternalId,
    MissingExternalKey,
)
from services.provision.plan import Plan, make_plan
from services.provision.ports import Clock, Journal, Users
from services.provision.saga import Peers, carry_out, take_back
from shared.contracts.common import JsonObject
from shared.contracts.provision import MappingAnswerBody
from shared.errors import DomainError
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

_UNDO_PAUSES_SECONDS = (0.1, 0.5, 2.0, 5.0)
_CALLER_WAITS_SECONDS = 5.0
_RECOVERY_SECONDS = 5.0
_RECOVERED_AT_ONCE = 20


class Mapped(Struct, frozen=True):
    """A mapping's answer, and whether it is a repetition's."""

    answer: MappingAnswerBody
    is_replay: bool


class ProvisionService:
    """Applies layouts to gateways."""

    def __init__(
        self,
        *,
        layout: Layout,
        journal: Journal,
        users: Users,
        peers: Peers,
        credentials: Credentials,
        new_id: Callable[[], UUID],
        now: Clock,
        keep_external_key: bool = False,
    ) -> None:
        self._layout = layout
        self._journal = journal
        self._users = users
        self._peers = peers
        self._credentials = credentials
        self._new_id = new_id
        self._now = now
        self._keep_external_key = keep_external_key
        self._undoing: set[asyncio.Task[None]] = set()

    def content(self) -> JsonObject:
        """What gateways of the layout will find in their config."""
        return self._layout.content or {}

    async def map_gateway(self, gateway: Gateway, caller: Caller | None) -> Mapped:
        """Set a gateway up, exactly once or not at all.

        Args:
            caller: For whom; None takes the configured credentials.

        Raises:
            MissingExternalId, MissingExternalKey: The label is incomplete.
            Unauthenticated: No credentials, or none that are accepted.
            ExternalIdTaken: By another mapping or config.
            MappingRunning: The same mapping is in the works.
            DomainError: What a service refused; everything done before was taken back.

        Events: `MappingActive` or `MappingUndone`.
        """
        if not gateway.external_id:
            raise MissingExternalId
        if not gateway.external_key:
            raise MissingExternalKey
        caller = caller or await self._credentials.caller()
        plan = make_plan(
            self._layout,
            gateway,
            owner_id=caller.user_id,
            new_id=self._new_id,
            keep_external_key=self._keep_external_key,
        )
        earlier = await self._journal.claim(plan, claims=plan.config is not None)
        if earlier is not None:
            return Mapped(self._repeat(earlier, plan), is_replay=True)
        return Mapped(await self._carry_out(plan, caller.token), is_replay=False)

    async def recover_for_ever(self) -> None:
        """Take back mappings whose worker has died, of whatever process."""
        while True:
            with suppress(DomainError):
                for plan in await self._journal.lease_abandoned(_RECOVERED_AT_ONCE):
                    logger.warning("mapping_abandoned", mapping_id=str(plan.mapping_id))
                    self._undo_in_background(plan)
            await asyncio.sleep(_RECOVERY_SECONDS)

    async def stop(self) -> None:
        """Leave what is being taken back to the next process."""
        for task in self._undoing:
            task.cancel()
        await asyncio.gather(*self._undoing, return_exceptions=True)

    def _repeat(self, earlier: Mapping, plan: Plan) -> MappingAnswerBody:
        """The answer of a mapping that has the external id already."""
        if earlier.owner_id != plan.owner_id:
            raise ExternalIdTaken
        if earlier.fingerprint != self._journal.fingerprint(plan):
            raise ExternalIdTaken(differs=_differences(earlier.gateway, plan.gateway))
        if earlier.status is not MappingStatus.ACTIVE or earlier.answer is None:
            raise MappingRunning
        return earlier.answer

    async def _carry_out(self, plan: Plan, token: str) -> MappingAnswerBody:
        try:
            acting = await self._users.act_for_caller(token, f"mapping:{plan.mapping_id}")
            made_at, steps = await carry_out(plan, self._peers, acting.access_token, self._now)
            answer = plan.answer(made_at)
            await self._journal.close(plan, answer, steps)
        except Exception as error:
            reason = error.code if isinstance(error, DomainError) else type(error).__name__
            if await self._journal.start_undo(plan.mapping_id, reason):
                # The caller learns the cause in any case, and waits a while for a clean table.
                undone = self._undo_in_background(plan)
                await asyncio.wait([undone], timeout=_CALLER_WAITS_SECONDS)
            # Otherwise the close went through and only its confirmation was lost: the mapping is
            # there, and the same request will be answered with it.
            raise
        return answer

    def _undo_in_background(self, plan: Plan) -> asyncio.Task[None]:
        task = asyncio.create_task(self._undo(plan), name=f"undo-{plan.mapping_id}")
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)
        return task

    async def _undo(self, plan: Plan) -> None:
        """Take a mapping back, however long its services need to come back."""
        attempt = 0
        while True:
            try:
                acting = await self._users.act_for_user(
                    plan.owner_id, f"withdraw:{plan.mapping_id}"
                )
                await take_back(plan, self._peers, acting.access_token)
                await self._journal.finish_undo(plan)
            except DomainError as error:
                pause = _UNDO_PAUSES_SECONDS[min(attempt, len(_UNDO_PAUSES_SECONDS) - 1)]
                attempt += 1
                logger.warning("undo_postponed", mapping_id=str(plan.mapping_id), code=error.code)
                await asyncio.sleep(pause)
                with suppress(DomainError):
                    await self._journal.extend_lease(plan.mapping_id)
            else:
                return


def _differences(before: Gateway, now: Gateway) -> list[str]:
    """The members in which two requests for one external id differ, by name."""
    return [
        name for name in ("external_key", "name") if getattr(before, name) != getattr(now, name)
    ]
