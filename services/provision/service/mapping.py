"""Mapping a gateway: who may, what is new, what is a repetition, and when it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from services.provision.certifying import certified_answer, make_keys
from services.provision.credentials import Credentials
from services.provision.domain import (
    EXTERNAL_ID_BYTES,
    Claim,
    ExternalIdTaken,
    ExternalIdTooLong,
    Gateway,
    Goal,
    Layout,
    MappingRunning,
    MappingStatus,
    MissingExternalId,
    MissingExternalKey,
    StillRunning,
)
from services.provision.plan import Mapping, Plan, make_plan
from services.provision.ports import Clock, Journal, Users
from services.provision.saga import Peers, Progress, carry_out, try_together
from services.provision.service.reserving import Block, Reservations, Reserved
from services.provision.service.undoing import Undoing
from shared.clock import parse_timestamp
from shared.coalescing import Coalescer
from shared.contracts.provision import MappingAnswerBody
from shared.contracts.things import ThingCredentialsBody
from shared.errors import Conflict, DomainError, NotFound, Unavailable
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

_LOOKS_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5)
_CLEAN_TABLE_SECONDS = 5.0
_MADE = (MappingStatus.ACTIVE, MappingStatus.BROKEN)


class Mapped(Struct, frozen=True):
    """A mapping's answer, and whether it is a repetition's."""

    answer: MappingAnswerBody
    is_replay: bool


class Preview(Struct, frozen=True):
    """What a mapping would make, and whether the gateway is mapped just so already."""

    plan: Plan
    is_replay: bool


class Limits(Struct, frozen=True, kw_only=True):
    """How long things may take.

    Attributes:
        deadline: Until then a mapping is driven forward, afterwards it is taken back.
        patience: How long a caller waits for an answer before he is told to ask again.
    """

    deadline: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(seconds=30)


class MappingService:
    """Applies layouts to gateways, each exactly once or not at all."""

    def __init__(
        self,
        *,
        journal: Journal,
        users: Users,
        peers: Peers,
        credentials: Credentials,
        undoing: Undoing,
        new_id: Callable[[], UUID],
        now: Clock,
        limits: Limits,
        keep_external_key: bool = False,
    ) -> None:
        self._journal = journal
        self._users = users
        self._peers = peers
        self._credentials = credentials
        self._undoing = undoing
        self._reservations = Reservations(users, new_id=new_id, deadline=limits.deadline)
        self._new_id = new_id
        self._now = now
        self._limits = limits
        self._keep_external_key = keep_external_key
        self._running: dict[UUID, asyncio.Task[MappingAnswerBody]] = {}
        self._together: Coalescer[Block, Progress, bool] = Coalescer(self._try_together)

    async def caller_or_configured(self, caller: Caller | None) -> Caller:
        """For whom to act: the request's caller, else whom the configuration names.

        Raises:
            NoCredentials, Unauthenticated: There is neither, or it is not accepted.
        """
        return caller or await self._credentials.caller()

    async def preview(self, layout: Layout, gateway: Gateway, caller: Caller | None) -> Preview:
        """What `map_gateway` would make, and whether that is there already.

        Raises:
            MissingExternalId, MissingExternalKey, ExternalIdTooLong, Unauthenticated,
            ExternalIdTaken: As there.
        """
        caller = await self.caller_or_configured(caller)
        _require_label(gateway)
        plan = self._plan(layout, gateway, caller)
        claim = self._claim(layout, plan)
        earlier = await self._journal.find_claimed(plan, claim)
        if earlier is not None:
            self._refuse_other(earlier, claim, plan)
        return Preview(plan, earlier is not None)

    async def map_gateway(self, layout: Layout, gateway: Gateway, caller: Caller | None) -> Mapped:
        """Set a gateway up, exactly once or not at all.

        The same request of the same user gets the same answer, however often and at however many
        processes it is made; one that comes while the first is at work waits for it.

        Args:
            caller: For whom; None takes the configured credentials.

        Raises:
            MissingExternalId, MissingExternalKey, ExternalIdTooLong: Not a label.
            Unauthenticated: No credentials, or none that are accepted.
            ExternalIdTaken: By another mapping or config.
            MappingRunning: Another request for it took longer than a caller waits.
            StillRunning: This one took longer; it goes on.
            DomainError: What a service refused; everything done before was taken back.

        Events: `MappingActive` or `MappingUndone`.
        """
        caller = await self.caller_or_configured(caller)
        _require_label(gateway)
        reserved = self._reservations.reserve(caller)
        plan = self._plan(layout, gateway, caller, reserved)
        if plan.certificates:
            plan = plan.with_keys(await asyncio.to_thread(make_keys, plan.certificates))
        claim = self._claim(layout, plan)
        waiter = _Waiter(self._limits.patience)
        while True:
            claimed = await self._journal.claim(plan, claim)
            earlier = claimed.earlier
            if earlier is None:
                answer = await self._answered(plan, reserved, has_leftovers=claimed.has_leftovers)
                return Mapped(answer, is_replay=False)
            self._refuse_other(earlier, claim, plan)
            if earlier.status is MappingStatus.ACTIVE:
                repeated = await self._repeated(earlier.plan, caller)
                if repeated is not None:
                    return Mapped(repeated, is_replay=True)
            else:
                earlier_id = earlier.plan.mapping_id
                if earlier.status is not MappingStatus.RUNNING:
                    self._undoing.hurry(earlier_id)
                if not await waiter.pause(self._running.get(earlier_id)):
                    raise MappingRunning

    async def stop(self) -> None:
        """Leave what is not finished to the next process."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _plan(
        self, layout: Layout, gateway: Gateway, caller: Caller, reserved: Reserved | None = None
    ) -> Plan:
        """What a mapping would make; without `reserved`, only to be looked at."""
        return make_plan(
            layout,
            gateway,
            owner_id=caller.user_id,
            mapping_id=reserved.mapping_id if reserved else None,
            new_id=self._new_id,
            keep_external_key=self._keep_external_key,
        )

    def _claim(self, layout: Layout, plan: Plan) -> Claim:
        external_id = plan.gateway.external_id
        # A config's external id is unique over all users; without one, each user has his own.
        key = f"gateway/{external_id}" if plan.config else f"user/{plan.owner_id}/{external_id}"
        return Claim(
            key=key,
            fingerprint=self._journal.fingerprint(plan, layout.name),
            layout=layout.name,
            layout_version=layout.version,
        )

    def _refuse_other(self, earlier: Mapping, claim: Claim, plan: Plan) -> None:
        if earlier.plan.owner_id != plan.owner_id:
            raise ExternalIdTaken
        if earlier.fingerprint != claim.fingerprint:
            before, now = earlier.plan.gateway, plan.gateway
            differs = [
                name
                for name in ("external_key", "name")
                if getattr(before, name) != getattr(now, name)
            ]
            raise ExternalIdTaken(differs=differs or ["layout"])

    async def _repeated(self, plan: Plan, caller: Caller) -> MappingAnswerBody | None:
        """The answer with today's secrets; None if parts of it are gone, which breaks it."""
        acting = await self._users.act_for_caller(caller.token, f"mapping:{plan.mapping_id}")
        token = acting.access_token
        try:
            state = await self._peers.things.view_set(token, plan.mapping_id)
            answer = plan.answer(parse_timestamp(state.created_at))
            if plan.config is not None:  # changes nothing if it is there, is refused if it was
                await self._peers.configs.apply_configs(token, {plan.mapping_id: plan.config})
            if plan.certificates:
                signed = await self._peers.certificates.view_set(token, plan.mapping_id)
                answer = certified_answer(answer, signed, plan.certificates, plan.private_keys)
        except (NotFound, Conflict):
            await self._journal.mark_broken(plan.mapping_id)
            return None
        secrets = {thing.id: thing.secret for thing in state.things if thing.status == "enabled"}
        is_whole = secrets.keys() >= set(plan.thing_ids) and set(state.channels) >= set(
            plan.channel_ids
        )
        if not is_whole:
            await self._journal.mark_broken(plan.mapping_id)
            return None
        return msgspec.structs.replace(
            answer,
            things=[
                msgspec.structs.replace(
                    thing,
                    key=secrets[thing.id],
                    credentials=ThingCredentialsBody(secret=secrets[thing.id]),
                )
                for thing in answer.things
            ],
        )

    async def _answered(
        self, plan: Plan, reserved: Reserved, *, has_leftovers: bool
    ) -> MappingAnswerBody:
        """The answer of a mapping that goes on by itself if the caller does not wait for it."""
        task = asyncio.create_task(
            self._carry_out(plan, reserved, has_leftovers=has_leftovers),
            name=f"mapping-{plan.mapping_id}",
        )
        self._running[plan.mapping_id] = task
        self._undoing.held.add(plan.mapping_id)
        task.add_done_callback(lambda _: self._forget(plan.mapping_id))
        done, _ = await asyncio.wait([task], timeout=self._limits.patience.total_seconds())
        if not done:
            raise StillRunning
        return task.result()

    def _forget(self, mapping_id: UUID) -> None:
        task = self._running.pop(mapping_id)
        self._undoing.held.discard(mapping_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.info("mapping_failed", mapping_id=str(mapping_id), cause=type(error).__name__)

    async def _carry_out(
        self, plan: Plan, reserved: Reserved, *, has_leftovers: bool
    ) -> MappingAnswerBody:
        progress = Progress(plan, self._now, self._limits.deadline.total_seconds())
        try:
            if has_leftovers or not await self._together.call(reserved.block, progress):
                token = await progress.persist("token", reserved.block.token)
                if has_leftovers:
                    await self._clear_away(plan, progress)
                await carry_out(progress, self._peers, token)
            answer = progress.answer()  # before it is there for good
            if await progress.persist(
                "close", lambda: self._journal.close(plan, progress.reports.values())
            ):
                return answer
        except Exception as error:
            reason = error.code if isinstance(error, DomainError) else type(error).__name__
            if await self._journal.start_undo(plan.mapping_id, reason):
                # The caller learns the cause in any case, and waits a while for a clean table.
                undone = self._undoing.start(plan.unfinished(Goal.UNDONE))
                await asyncio.wait([undone], timeout=_CLEAN_TABLE_SECONDS)
                raise
        # What the journal says is so: a confirmation may have been lost, or the mapping taken
        # over by a process that thought this one dead.
        if await self._journal.find_status(plan.mapping_id) not in _MADE:
            raise StillRunning
        return progress.answer()

    async def _try_together(self, block: Block, group: Sequence[Progress]) -> list[bool]:
        """Carry out mappings of the same moment; where it is False they have to go on alone."""
        try:
            await try_together(group, self._peers, block.token, self._now)
        except Exception as error:
            if len(group) == 1 and not isinstance(error, Unavailable):
                raise  # its own fault, and final
            logger.info("mappings_parted", mappings=len(group), cause=type(error).__name__)
            return [False] * len(group)
        return [True] * len(group)

    async def _clear_away(self, plan: Plan, progress: Progress) -> None:
        """Remove what is left of earlier mappings of this gateway, before it is in the way."""
        left = await progress.persist("clear", lambda: self._journal.find_in_the_way(plan))
        for unfinished in left:
            await progress.wait_for(self._undoing.start(unfinished))


def _require_label(gateway: Gateway) -> None:
    if not gateway.external_id:
        raise MissingExternalId
    if len(gateway.external_id.encode()) > EXTERNAL_ID_BYTES:
        raise ExternalIdTooLong
    if not gateway.external_key:
        raise MissingExternalKey


class _Waiter:
    """Waits for another request's mapping, in this process or another."""

    def __init__(self, patience: timedelta) -> None:
        self._give_up_at = asyncio.get_running_loop().time() + patience.total_seconds()
        self._looks = 0

    async def pause(self, task: asyncio.Task[MappingAnswerBody] | None) -> bool:
        """Wait until it is worth looking again; False if it took too long."""
        left = self._give_up_at - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        if task is not None:
            await asyncio.wait([task], timeout=left)
        else:
            pause = _LOOKS_SECONDS[min(self._looks, len(_LOOKS_SECONDS) - 1)]
            self._looks += 1
            await asyncio.sleep(min(pause, left))
        return True
