"""What the rules need from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.provision.domain import Mapping, StepReport
from services.provision.plan import Plan
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.provision import MappingAnswerBody
from shared.contracts.things import AppliedSetBody, EntitySetBody, WithdrawSetBody
from shared.contracts.users import ExchangedTokenBody, TokensBody
from shared.http.auth import Caller


class Journal(Protocol):
    """The durable record of every mapping."""

    def fingerprint(self, plan: Plan) -> bytes:
        """What tells a repetition from another request, useless to whoever reads it."""

    async def claim(self, plan: Plan, *, claims: bool) -> Mapping | None:
        """Write the plan down and take its external id; the mapping that has it, if taken."""

    async def close(self, plan: Plan, answer: MappingAnswerBody, steps: list[StepReport]) -> None:
        """The mapping is there; from now on its answer is repeated."""

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        """From now on it is only taken back, by the caller; False if it was closed already."""

    async def finish_undo(self, plan: Plan) -> None:
        """Nothing of it is left; its external id is free."""

    async def lease_abandoned(self, limit: int) -> list[Plan]:
        """Mappings whose worker is gone, now leased to the caller and marked for undoing."""

    async def extend_lease(self, mapping_id: UUID) -> None:
        """Keep others from working on it for another while."""


class Users(Protocol):
    """Users, as provision needs it."""

    async def login(self, identity: str, secret: str) -> TokensBody:
        """Tokens for a name and password."""

    async def act_for_caller(self, token: str, scope: str) -> ExchangedTokenBody:
        """A token limited to a scope, for the user whose token this is."""

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        """The same by the user's id, for cleaning up."""


class Things(Protocol):
    """Things, as provision needs it."""

    async def apply_set(
        self, token: str, mapping_id: UUID, entities: EntitySetBody
    ) -> AppliedSetBody:
        """Make all entities or none; safe to repeat."""

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        """Take them back, whether they were made or not; safe to repeat."""


class Configs(Protocol):
    """Bootstrap, as provision needs it."""

    async def apply_config(self, token: str, mapping_id: UUID, config: SetConfigBody) -> None:
        """Make the config; safe to repeat."""

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        """Take it back, whether it was made or not; safe to repeat."""


class Tokens(Protocol):
    """Tells whose a token is."""

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated if it is not good."""


class Clock(Protocol):
    """The present moment, aware, in UTC."""

    def __call__(self) -> datetime: ...
