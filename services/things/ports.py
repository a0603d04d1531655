"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.things.domain import (
    Channel,
    ChannelChange,
    Connection,
    Device,
    EntitySet,
    Family,
    Filter,
    Owners,
    Pairs,
    PolicyFilter,
    Reach,
    SetClaim,
    SetState,
    Share,
    Thing,
    ThingChange,
    Withdrawal,
)
from shared.contracts.common import Status
from shared.http.paging import Page


class ThingStore(Protocol):
    """Keeps things; each change announces itself in the same commit.

    `seen` is the thing on which the permission was based: if it has another owner by now, nothing
    is changed.
    """

    async def insert(self, things: Sequence[Thing]) -> None:
        """All or none, all of one owner; raises IdTaken, IdWithdrawn or SecretTaken."""

    async def find(self, thing_id: UUID) -> Thing | None:
        """One thing, whatever its status."""

    async def list_page(self, reach: Reach, wanted: Filter, page: Page) -> tuple[int, list[Thing]]:
        """How many match, and those on the page."""

    async def list_connected(
        self, channel_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Thing]]:
        """The same among the things of a channel."""

    async def update(
        self, seen: Thing, change: ThingChange, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        """Change an enabled thing, or answer None."""

    async def update_secret(
        self, seen: Thing, secret: str, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        """Change an enabled thing's secret, or answer None. Raises SecretTaken."""

    async def update_owner(
        self, seen: Thing, owner_id: UUID, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        """Give an enabled thing to another user, or answer None."""

    async def update_status(
        self, seen: Thing, status: Status, *, changed_at: datetime, changed_by: UUID
    ) -> Thing | None:
        """Set a status the thing does not have yet, or answer None."""

    async def delete(self, seen: Thing) -> bool:
        """Remove a thing with its connections; answers whether it was there."""


class ChannelStore(Protocol):
    """Keeps channels; each change announces itself in the same commit."""

    async def insert(self, channels: Sequence[Channel]) -> None:
        """All or none, all of one owner; raises IdTaken, IdWithdrawn or UnknownParent."""

    async def find(self, channel_id: UUID) -> Channel | None:
        """One channel, whatever its status."""

    async def find_many(self, channel_ids: Collection[UUID]) -> list[Channel]:
        """Those of these channels that exist."""

    async def list_page(
        self, reach: Reach, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        """How many match, and those on the page."""

    async def list_family(
        self, reach: Reach, family: Family, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        """The same among the relatives of a channel, with their levels."""

    async def list_connected(
        self, thing_id: UUID, wanted: Filter, page: Page
    ) -> tuple[int, list[Channel]]:
        """The same among the channels of a thing."""

    async def update(
        self, channel_id: UUID, change: ChannelChange, *, changed_at: datetime, changed_by: UUID
    ) -> Channel | None:
        """Change an enabled channel, or answer None."""

    async def update_status(
        self, channel_id: UUID, status: Status, *, changed_at: datetime, changed_by: UUID
    ) -> Channel | None:
        """Set a status the channel does not have yet, or answer None."""

    async def delete(self, channel_id: UUID) -> bool:
        """Remove a channel with its connections and shares; answers whether it was there."""


class ConnectionStore(Protocol):
    """Keeps connections; each change announces itself in the same commit."""

    async def find_owners(
        self, thing_ids: Collection[UUID], channel_ids: Collection[UUID]
    ) -> Owners:
        """Whose these things and channels are."""

    async def upsert(
        self, pairs: Pairs, actions: list[str], *, connected_at: datetime, connected_by: UUID
    ) -> list[Connection] | None:
        """Connect all pairs or none, things outer; None if one side is gone meanwhile."""

    async def find(self, thing_id: UUID, channel_id: UUID) -> Connection | None:
        """One connection."""

    async def find_makers(self, pairs: Pairs) -> dict[tuple[UUID, UUID], UUID]:
        """Who connected which of these pairs, by thing and channel."""

    async def update(
        self,
        thing_id: UUID,
        channel_id: UUID,
        actions: list[str],
        *,
        changed_at: datetime,
        changed_by: UUID,
    ) -> bool:
        """Replace what a connected thing may do; answers whether it is connected."""

    async def delete(self, pairs: Pairs) -> bool:
        """Disconnect all pairs or none; answers whether all were connected."""


class Grants(Protocol):
    """What users may do by shares."""

    async def find_thing_actions(
        self, user_id: UUID, thing_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        """What a user may do with things, by all shared channels they are in."""

    async def find_channel_actions(
        self, user_id: UUID, channel_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        """What a user may do with channels."""


class ShareStore(Grants, Protocol):
    """Keeps shares; each change announces itself in the same commit."""

    async def upsert(self, share: Share) -> bool:
        """Share a channel or replace the actions; False if the channel is gone meanwhile."""

    async def find(self, user_id: UUID, channel_id: UUID) -> Share | None:
        """One share."""

    async def update(
        self,
        user_id: UUID,
        channel_id: UUID,
        actions: list[str],
        *,
        changed_at: datetime,
        changed_by: UUID,
    ) -> bool:
        """Replace the actions; answers whether the share is there."""

    async def delete(self, user_id: UUID, channel_id: UUID) -> bool:
        """Remove a share; answers whether it was there."""

    async def list_policies(
        self, wanted: PolicyFilter, page: Page
    ) -> tuple[int, list[Connection | Share]]:
        """How many connections and shares match, and those on the page."""


class People(Protocol):
    """What the users service knows."""

    async def may_share_with(self, user_id: UUID, other_id: UUID) -> bool:
        """Whether a user may share things with another user."""

    async def exists(self, user_id: UUID) -> bool:
        """Whether there is such a user."""


class SetStore(Protocol):
    """Keeps which mappings' sets were made and withdrawn."""

    async def insert(self, sets: Sequence[EntitySet]) -> set[UUID]:
        """Claim mapping ids and make the sets of those that were not claimed already.

        Returns:
            The mapping ids whose sets were made.

        Raises IdTaken, IdWithdrawn or SecretTaken, and has made none then.
        """

    async def find(self, mapping_id: UUID) -> SetClaim | None:
        """The claim on a mapping id."""

    async def view(self, mapping_ids: Sequence[UUID], owner_id: UUID) -> dict[UUID, SetState]:
        """What there is of a user's sets, without those he does not have or that are withdrawn."""

    async def withdraw(
        self, withdrawals: Sequence[Withdrawal], *, owner_id: UUID, withdrawn_at: datetime
    ) -> set[UUID]:
        """Claim mapping ids, remove what their sets made and keep the ids from being made.

        Returns:
            The mapping ids of which that was done: those that are not another user's.
        """


class Devices(Protocol):
    """Things as messaging adapters see them."""

    async def find(self, secret: str) -> Device | None:
        """The enabled thing that has a secret, with all its channels."""


class Facts(Protocol):
    """What decides whether a device may talk, remembered until it changes.

    `forget` drops what is remembered in every process; it is to be awaited before answering.
    """

    async def find_thing(self, secret: str) -> UUID | None:
        """The enabled thing that has a secret."""

    async def is_enabled(self, thing_id: UUID) -> bool:
        """Whether there is such a thing and it takes part."""

    async def find_actions(self, thing_id: UUID, channel_id: UUID) -> Collection[str]:
        """What a thing may do in an enabled channel."""

    async def forget(
        self,
        *,
        thing_ids: Iterable[UUID] = (),
        channel_ids: Iterable[UUID] = (),
        pairs: Iterable[tuple[UUID, UUID]] = (),
    ) -> None:
        """Drop what is remembered of things, of channels, and of things in channels."""
