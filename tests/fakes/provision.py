"""Provision's surroundings in memory: a journal, and services that can be told to fail.

What they keep is what the real ones would hold, so a test can ask what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from services.provision.domain import Claim, Goal, MappingStatus, StepReport, Unfinished
from services.provision.plan import Claimed, Mapping, Plan
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.certs import SetCertificatesBody, SignedCertificate, SignedSetBody
from shared.contracts.things import (
    EntitySetBody,
    SetStateBody,
    SetThingState,
    WithdrawSetBody,
)
from shared.contracts.users import ExchangedTokenBody, TokensBody
from shared.errors import Conflict, DomainError, NotFound

MOMENT = datetime(2026, 11, 21, 19, 12, 4, tzinfo=UTC)
SETS_MADE_AT = "2026-11-21T19:12:05.000001Z"


class MemoryJournal:
    """The journal; leases have run out as soon as `forget_workers` is called."""

    def __init__(self) -> None:
        self.mappings: dict[UUID, Mapping] = {}
        self.steps: dict[UUID, list[StepReport]] = {}
        self.plans: dict[UUID, Plan] = {}
        self.claims: dict[str, UUID] = {}
        self.goals: dict[UUID, Goal] = {}
        self.reasons: dict[UUID, str] = {}
        self.keeping_channels: set[UUID] = set()
        self.hurt: set[UUID] = set()
        self.extended: set[UUID] = set()
        self._abandoned: set[UUID] = set()

    def fingerprint(self, plan: Plan, layout: str) -> bytes:
        told = (plan.owner_id, layout, plan.gateway)
        return hashlib.sha256(msgspec.json.encode(told)).digest()

    async def claim(self, plan: Plan, claim: Claim) -> Claimed:
        has_leftovers = bool(self._leftovers(plan))
        if (earlier := self._claimant(plan, claim)) is not None:
            return Claimed(earlier=self.mappings[earlier], has_leftovers=has_leftovers)
        self.claims[claim.key] = plan.mapping_id
        self.plans[plan.mapping_id] = plan
        self.mappings[plan.mapping_id] = Mapping(
            status=MappingStatus.RUNNING, fingerprint=claim.fingerprint, plan=plan
        )
        return Claimed(earlier=None, has_leftovers=has_leftovers)

    async def find_claimed(self, plan: Plan, claim: Claim) -> Mapping | None:
        mapping_id = self._claimant(plan, claim)
        return None if mapping_id is None else self.mappings[mapping_id]

    async def find_status(self, mapping_id: UUID) -> MappingStatus | None:
        return self.mappings[mapping_id].status

    async def find_unfinished(self, mapping_id: UUID) -> Unfinished | None:
        if self.mappings[mapping_id].status not in (MappingStatus.UNDOING, MappingStatus.STUCK):
            return None
        return self._unfinished(mapping_id)

    async def find_in_the_way(self, plan: Plan) -> list[Unfinished]:
        left = self._leftovers(plan)
        for mapping_id in left:
            self.goals.setdefault(mapping_id, Goal.DELETED)
            self._change(mapping_id, status=MappingStatus.UNDOING)
        return [self._unfinished(mapping_id) for mapping_id in left]

    def _leftovers(self, plan: Plan) -> list[UUID]:
        return [
            mapping_id
            for mapping_id, other in self.plans.items()
            if mapping_id not in self.claims.values()
            and (other.owner_id, other.gateway.external_id)
            == (plan.owner_id, plan.gateway.external_id)
            and self.mappings[mapping_id].status
            in (MappingStatus.BROKEN, MappingStatus.UNDOING, MappingStatus.STUCK)
        ]

    async def close(self, plan: Plan, steps: Collection[StepReport]) -> bool:
        if self.mappings[plan.mapping_id].status is not MappingStatus.RUNNING:
            return False
        if plan.mapping_id in self.hurt:
            self._change(plan.mapping_id, status=MappingStatus.BROKEN)
            self._free(plan.mapping_id)
        else:
            self._change(plan.mapping_id, status=MappingStatus.ACTIVE)
        self.steps[plan.mapping_id] = list(steps)
        return True

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        if self.mappings[mapping_id].status is not MappingStatus.RUNNING:
            return False
        self.reasons[mapping_id] = reason
        self.goals[mapping_id] = Goal.UNDONE
        self._change(mapping_id, status=MappingStatus.UNDOING)
        return True

    async def start_removal(self, mapping_id: UUID, *, keep_channels: bool) -> Unfinished | None:
        if self.mappings[mapping_id].status not in (MappingStatus.ACTIVE, MappingStatus.BROKEN):
            return None
        self.goals[mapping_id] = Goal.DELETED
        if keep_channels:
            self.keeping_channels.add(mapping_id)
        self._change(mapping_id, status=MappingStatus.UNDOING)
        return self._unfinished(mapping_id)

    async def finish_undo(self, unfinished: Unfinished) -> None:
        self._change(unfinished.mapping_id, status=MappingStatus(unfinished.goal))
        self._free(unfinished.mapping_id)

    async def mark_stuck(self, unfinished: Unfinished, reason: str) -> None:
        self._change(unfinished.mapping_id, status=MappingStatus.STUCK)

    async def wipe_keys(self, thing_id: UUID) -> None:
        for mapping_id, plan in self.plans.items():
            if thing_id in plan.thing_ids:
                plan = self.mappings[mapping_id].plan
                wiped = msgspec.structs.replace(plan, private_keys={})
                self._change(mapping_id, plan=wiped)

    async def mark_broken(self, mapping_id: UUID) -> None:
        if self.mappings[mapping_id].status is MappingStatus.ACTIVE:
            self._change(mapping_id, status=MappingStatus.BROKEN)
            self._free(mapping_id)
        elif self.mappings[mapping_id].status is MappingStatus.RUNNING:
            self.hurt.add(mapping_id)

    async def mark_things_gone(self, thing_ids: Collection[UUID]) -> None:
        for mapping_id, plan in self.plans.items():
            if set(plan.thing_ids) & set(thing_ids):
                await self.mark_broken(mapping_id)

    def forget_workers(self) -> None:
        """As if every process had died a lease ago."""
        self._abandoned = {
            mapping_id
            for mapping_id, mapping in self.mappings.items()
            if mapping.status in (MappingStatus.RUNNING, MappingStatus.UNDOING, MappingStatus.STUCK)
        }

    async def lease_abandoned(self, limit: int) -> list[Unfinished]:
        taken, self._abandoned = self._abandoned, set()
        for mapping_id in taken:
            self.goals.setdefault(mapping_id, Goal.UNDONE)
            self._change(mapping_id, status=MappingStatus.UNDOING)
        return [self._unfinished(mapping_id) for mapping_id in taken]

    async def extend_leases(self, mapping_ids: Collection[UUID]) -> None:
        self.extended |= set(mapping_ids)

    async def count_stuck(self) -> int:
        return self.statuses().count("stuck")

    def statuses(self) -> list[str]:
        """How far every mapping has come."""
        return [str(mapping.status) for mapping in self.mappings.values()]

    def _claimant(self, plan: Plan, claim: Claim) -> UUID | None:
        if claim.key in self.claims:
            return self.claims[claim.key]
        for mapping_id in self.claims.values():
            other = self.plans[mapping_id]
            if (other.owner_id, other.gateway.external_id) == (
                plan.owner_id,
                plan.gateway.external_id,
            ):
                return mapping_id
        return None

    def _unfinished(self, mapping_id: UUID) -> Unfinished:
        return msgspec.structs.replace(
            self.plans[mapping_id].unfinished(self.goals[mapping_id]),
            keep_channels=mapping_id in self.keeping_channels,
        )

    def _free(self, mapping_id: UUID) -> None:
        self.claims = {key: other for key, other in self.claims.items() if other != mapping_id}

    def _change(self, mapping_id: UUID, **members: object) -> None:
        self.mappings[mapping_id] = msgspec.structs.replace(self.mappings[mapping_id], **members)


class Failing:
    """Raises what it was told to, as often as told."""

    def __init__(self) -> None:
        self._failures: dict[str, list[DomainError]] = {}

    def fail(self, call: str, error: DomainError, times: int = 1) -> None:
        """Let the next calls of a method fail."""
        self._failures[call] = [error] * times

    def maybe_fail(self, call: str) -> None:
        """Fail if it is time to."""
        if self._failures.get(call):
            raise self._failures[call].pop()

    def recover(self) -> None:
        """Fail no more."""
        self._failures.clear()


class MemoryThings(Failing):
    """Things, as far as sets go."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[UUID, EntitySetBody] = {}
        self.withdrawn: set[UUID] = set()
        self.tokens: list[str] = []
        self.calls: list[int] = []
        self.new_secrets: dict[UUID, str] = {}
        self.disabled: set[UUID] = set()

    async def apply_sets(self, token: str, sets: dict[UUID, EntitySetBody]) -> dict[UUID, str]:
        self.tokens.append(token)
        self.calls.append(len(sets))
        self.maybe_fail("apply_sets")
        for mapping_id in sets:
            self.maybe_fail(f"apply_sets {mapping_id}")
        if self.withdrawn & sets.keys():
            raise Conflict
        for mapping_id, entities in sets.items():
            self.sets.setdefault(mapping_id, entities)
        return dict.fromkeys(sets, SETS_MADE_AT)

    async def view_set(self, token: str, mapping_id: UUID) -> SetStateBody:
        self.maybe_fail("view_set")
        if mapping_id not in self.sets:
            raise NotFound
        entities = self.sets[mapping_id]
        return SetStateBody(
            created_at=SETS_MADE_AT,
            things=[
                SetThingState(
                    id=thing.id,
                    secret=self.new_secrets.get(thing.id, thing.secret),
                    status="disabled" if thing.id in self.disabled else "enabled",
                )
                for thing in entities.things
            ],
            channels=[channel.id for channel in entities.channels],
            foreign_connections=[],
        )

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        self.tokens.append(token)
        self.maybe_fail("withdraw_set")
        self.withdrawn.add(mapping_id)
        self.sets.pop(mapping_id, None)


class MemoryConfigs(Failing):
    """Bootstrap, as far as mappings' configs go."""

    def __init__(self) -> None:
        super().__init__()
        self.configs: dict[UUID, SetConfigBody] = {}
        self.withdrawn: set[UUID] = set()

    async def apply_configs(self, token: str, configs: dict[UUID, SetConfigBody]) -> None:
        self.maybe_fail("apply_configs")
        for mapping_id, config in configs.items():
            self.maybe_fail(f"apply_configs {config.external_id}")
            if mapping_id in self.withdrawn:
                raise Conflict
            self.configs.setdefault(mapping_id, config)

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        self.maybe_fail("withdraw_config")
        self.withdrawn.add(mapping_id)
        self.configs.pop(mapping_id, None)


class MemoryCertificates(Failing):
    """Certs, as far as mappings' certificates go; a certificate is its serial in words."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[UUID, SetCertificatesBody] = {}
        self.withdrawn: set[UUID] = set()

    async def sign_set(
        self, token: str, mapping_id: UUID, wanted: SetCertificatesBody
    ) -> SignedSetBody:
        self.maybe_fail("sign_set")
        if mapping_id in self.withdrawn:
            raise Conflict
        self.sets.setdefault(mapping_id, wanted)
        return await self.view_set(token, mapping_id)

    async def view_set(self, token: str, mapping_id: UUID) -> SignedSetBody:
        self.maybe_fail("view_set")
        if mapping_id not in self.sets:
            raise Conflict
        return SignedSetBody(
            certificates=[
                SignedCertificate(
                    thing_id=one.thing_id,
                    serial=one.serial,
                    client_cert=f"certificate {one.serial}",
                )
                for one in self.sets[mapping_id].certificates
            ],
            ca_cert="authority",
        )

    async def withdraw_set(self, token: str, mapping_id: UUID) -> None:
        self.maybe_fail("withdraw_set")
        self.withdrawn.add(mapping_id)
        self.sets.pop(mapping_id, None)


class MemoryUsers(Failing):
    """Users, as far as acting for somebody goes."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[str] = []
        self.token = "token-of-the-login"
        self.tokens: list[str] = []

    async def login(self, identity: str, secret: str) -> TokensBody:
        self.maybe_fail("login")
        self.logins.append(identity)
        token = self.tokens.pop(0) if self.tokens else self.token
        return TokensBody(access_token=token, refresh_token="")

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        self.maybe_fail("act_for_caller")
        return ExchangedTokenBody(access_token=f"caller {scope}", expires_in=120, scope=scope)

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        self.maybe_fail("act_for_user")
        return ExchangedTokenBody(access_token=f"user {scope}", expires_in=120, scope=scope)
