"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.provision.domain import (
    Claim,
    MappingRecord,
    MappingStatus,
    RecordFilter,
    StepReport,
    Unfinished,
)
from services.provision.plan import Claimed, Mapping, Plan
from shared.clock import Timestamp
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.certs import SetCertificatesBody, SignedSetBody
from shared.contracts.things import EntitySetBody, SetStateBody, WithdrawSetBody
from shared.contracts.users import ExchangedTokenBody, TokensBody
from shared.http.auth import Caller
from shared.http.paging import Page


class Journal(Protocol):
    """The durable record of every mapping.

    Whoever works on a mapping holds its lease and extends it; a mapping whose lease has run out
    belongs to whoever takes it next.
    """

    def fingerprint(self, plan: Plan, layout: str) -> bytes:
        """What tells a repetition from another request, useless to whoever reads it."""

    async def claim(self, plan: Plan, claim: Claim) -> Claimed:
        """Write the plan down and take its external id, unless another mapping has it."""

    async def find_claimed(self, plan: Plan, claim: Claim) -> Mapping | None:
        """The mapping that has an external id."""

    async def find_status(self, mapping_id: UUID) -> MappingStatus | None:
        """How far a mapping has come."""

    async def find_unfinished(self, mapping_id: UUID) -> Unfinished | None:
        """How a mapping is being taken back, None if it is not."""

    async def find_in_the_way(self, plan: Plan) -> list[Unfinished]:
        """What earlier mappings of the same gateway have left, now marked for removal."""

    async def close(self, plan: Plan, steps: Collection[StepReport]) -> bool:
        """The mapping is there and will be vouched for; False if it was taken over."""

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        """From now on it is only taken back, by the caller; False if it is not running."""

    async def start_removal(self, mapping_id: UUID, *, keep_channels: bool) -> Unfinished | None:
        """The same for one that is there, at its owner's wish; None if it is not."""

    async def finish_undo(self, unfinished: Unfinished) -> None:
        """Nothing of it is left; its external id is free."""

    async def mark_stuck(self, unfinished: Unfinished, reason: str) -> None:
        """It cannot be taken back for now, and somebody should look."""

    async def mark_broken(self, mapping_id: UUID) -> None:
        """A part of it is gone; its external id is free."""

    async def mark_things_gone(self, thing_ids: Collection[UUID]) -> None:
        """The mappings that made these things are broken."""

    async def wipe_keys(self, thing_id: UUID) -> None:
        """Forget the private keys of the mapping that made this thing."""

    async def lease_abandoned(self, limit: int) -> list[Unfinished]:
        """Mappings whose worker is gone, now leased to the caller and marked for undoing."""

    async def extend_leases(self, mapping_ids: Collection[UUID]) -> None:
        """Keep others from working on them for another while."""

    async def count_stuck(self) -> int:
        """How many mappings cannot be taken back for now."""


class Records(Protocol):
    """The journal as people look at it."""

    async def list_page(
        self, owner_id: UUID, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        """How many match, and a part of them, oldest first."""

    async def find_newest(self, owner_id: UUID, external_id: str) -> MappingRecord | None:
        """The last mapping of an external id."""


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

    async def apply_sets(
        self, token: str, sets: dict[UUID, EntitySetBody]
    ) -> dict[UUID, Timestamp]:
        """Make all entities of these mappings or none, and say when; safe to repeat."""

    async def view_set(self, token: str, mapping_id: UUID) -> SetStateBody:
        """What is left of a set, with current secrets, and what it is connected to outside."""

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        """Take them back, whether they were made or not; safe to repeat."""


class Configs(Protocol):
    """Bootstrap, as provision needs it."""

    async def apply_configs(self, token: str, configs: dict[UUID, SetConfigBody]) -> None:
        """Make the configs of these mappings; safe to repeat, also if some were made."""

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        """Take it back, whether it was made or not; safe to repeat."""


class Certificates(Protocol):
    """Certs, as provision needs it."""

    async def sign_set(
        self, token: str, mapping_id: UUID, wanted: SetCertificatesBody
    ) -> SignedSetBody:
        """Sign all of them or none; safe to repeat."""

    async def view_set(self, token: str, mapping_id: UUID) -> SignedSetBody:
        """The living certificates of a mapping's things."""

    async def withdraw_set(self, token: str, mapping_id: UUID) -> None:
        """Revoke them, whether they were signed or not; safe to repeat."""


class Tokens(Protocol):
    """Tells whose a token is."""

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated if it is not good."""


class Clock(Protocol):
    """The present moment, aware, in UTC."""

    def __call__(self) -> datetime: ...
