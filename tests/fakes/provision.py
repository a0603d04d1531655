"""Provision's surroundings in memory: a journal, and services that can be told to fail.

What they keep is what the real ones would hold, so a test can ask what is left.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from services.provision.domain import Mapping, MappingStatus, StepReport
from services.provision.plan import Plan
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.provision import MappingAnswerBody
from shared.contracts.things import AppliedSetBody, EntitySetBody, WithdrawSetBody
from shared.contracts.users import ExchangedTokenBody, TokensBody
from shared.errors import Conflict, DomainError

MOMENT = datetime(2026, 11, 21, 19, 12, 4, tzinfo=UTC)


class MemoryJournal:
    """The journal."""

    def __init__(self) -> None:
        self.mappings: dict[UUID, Mapping] = {}
        self.plans: dict[UUID, Plan] = {}
        self.reasons: dict[UUID, str] = {}

    def fingerprint(self, plan: Plan) -> bytes:
        return hashlib.sha256(msgspec.json.encode((plan.owner_id, plan.gateway))).digest()

    async def claim(self, plan: Plan, *, claims: bool) -> Mapping | None:
        for mapping in self.mappings.values():
            if claims and mapping.claims and mapping.external_id == plan.gateway.external_id:
                return mapping
        self.plans[plan.mapping_id] = plan
        self.mappings[plan.mapping_id] = Mapping(
            id=plan.mapping_id,
            owner_id=plan.owner_id,
            external_id=plan.gateway.external_id,
            fingerprint=self.fingerprint(plan),
            claims=claims,
            status=MappingStatus.RUNNING,
            gateway=plan.gateway,
            answer=None,
            created_at=MOMENT,
        )
        return None

    async def close(self, plan: Plan, answer: MappingAnswerBody, steps: list[StepReport]) -> None:
        self._change(plan.mapping_id, status=MappingStatus.ACTIVE, answer=answer)

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        if self.mappings[mapping_id].status is not MappingStatus.RUNNING:
            return False
        self.reasons[mapping_id] = reason
        self._change(mapping_id, status=MappingStatus.UNDOING)
        return True

    async def finish_undo(self, plan: Plan) -> None:
        self._change(plan.mapping_id, status=MappingStatus.UNDONE, claims=False)

    async def lease_abandoned(self, limit: int) -> list[Plan]:
        abandoned = [
            mapping
            for mapping in self.mappings.values()
            if mapping.status in (MappingStatus.RUNNING, MappingStatus.UNDOING)
        ]
        for mapping in abandoned[:limit]:
            self._change(mapping.id, status=MappingStatus.UNDOING)
        return [self.plans[mapping.id] for mapping in abandoned[:limit]]

    async def extend_lease(self, mapping_id: UUID) -> None:
        assert mapping_id in self.mappings

    def statuses(self) -> list[str]:
        """How far every mapping has come."""
        return [str(mapping.status) for mapping in self.mappings.values()]

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


class MemoryThings(Failing):
    """Things, as far as sets go."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[UUID, EntitySetBody] = {}
        self.withdrawn: set[UUID] = set()
        self.tokens: list[str] = []

    async def apply_set(
        self, token: str, mapping_id: UUID, entities: EntitySetBody
    ) -> AppliedSetBody:
        self.tokens.append(token)
        self.maybe_fail("apply_set")
        if mapping_id in self.withdrawn:
            raise Conflict
        self.sets.setdefault(mapping_id, entities)
        return AppliedSetBody("2026-11-21T19:12:04Z")

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

    async def apply_config(self, token: str, mapping_id: UUID, config: SetConfigBody) -> None:
        self.maybe_fail("apply_config")
        if mapping_id in self.withdrawn:
            raise Conflict
        self.configs.setdefault(mapping_id, config)

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        self.maybe_fail("withdraw_config")
        self.withdrawn.add(mapping_id)
        self.configs.pop(mapping_id, None)


class MemoryUsers(Failing):
    """Users, as far as acting for somebody goes."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[str] = []
        self.token = "token-of-the-login"

    async def login(self, identity: str, secret: str) -> TokensBody:
        self.maybe_fail("login")
        self.logins.append(identity)
        return TokensBody(access_token=self.token, refresh_token="")

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        self.maybe_fail("act_for_caller")
        return ExchangedTokenBody(access_token=f"caller {scope}", expires_in=120, scope=scope)

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        self.maybe_fail("act_for_user")
        return ExchangedTokenBody(access_token=f"user {scope}", expires_in=120, scope=scope)
