"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bootstrap.domain import (
    Certificates,
    Channel,
    Claim,
    Config,
    ConfigFilter,
    ConfigSet,
    ConfigSummary,
    Fetch,
)
from shared.contracts.common import JsonObject
from shared.contracts.things import ChannelBody, CreateThingBody, PoliciesPage, ThingBody
from shared.contracts.users import ExchangedTokenBody
from shared.http.paging import Page

Now = Callable[[], datetime]
NewId = Callable[[], UUID]


class OwnersConfigs(Protocol):
    """The configs of one user; another's is as good as none."""

    async def get(self, thing_id: UUID, owner_id: UUID) -> Config:
        """Raises ConfigNotFound."""

    async def list_page(
        self, owner_id: UUID, wanted: ConfigFilter, page: Page
    ) -> tuple[int, list[ConfigSummary]]:
        """How many match, and a part of them, oldest first."""

    async def update(
        self, thing_id: UUID, owner_id: UUID, *, name: str, content: str, moment: datetime
    ) -> None:
        """Raises ConfigNotFound."""

    async def update_certificates(
        self, thing_id: UUID, owner_id: UUID, certificates: Certificates, moment: datetime
    ) -> None:
        """Raises ConfigNotFound."""


class NewConfigs(Protocol):
    """Where new configs go."""

    async def insert(self, config: Config, moment: datetime) -> None:
        """Raises ExternalIdTaken or ThingHasConfig."""


class ChangedConfigs(Protocol):
    """Configs that are changed together with their thing's connections, one change at a time."""

    async def claim(
        self, thing_id: UUID, owner_id: UUID, change_id: UUID, channel_ids: Sequence[UUID]
    ) -> Claim | None:
        """Have a config for oneself; None while another change has it.

        Args:
            channel_ids: Further channels that the change may connect.

        Raises ConfigNotFound.
        """

    async def update_state(self, claim: Claim, state: int, moment: datetime) -> bool:
        """Store and give the claim up; False if it was lost."""

    async def update_channels(
        self, claim: Claim, channels: Sequence[Channel], moment: datetime
    ) -> bool:
        """Store and give the claim up; False if it was lost.

        Of channels that the config had, those are kept that it still has.
        """

    async def delete(self, claim: Claim) -> bool:
        """Remove the config; False if the claim was lost."""

    async def is_ours(self, claim: Claim) -> bool:
        """Whether no other change can have built on this one: it is claimed still, or gone."""

    async def release(
        self, claim: Claim, *, is_sure: bool, reconnected_at: datetime | None = None
    ) -> None:
        """Let the next change have the config.

        Args:
            reconnected_at: When a disconnection was taken back, whose event is still to come.
        """


class GatewayConfigs(Protocol):
    """All configs, by what is printed on a gateway."""

    async def find_by_external_id(self, external_id: str) -> Config | None: ...


class FetchedConfigs(Protocol):
    """What is written down of fetches."""

    async def record_fetches(
        self, fetches: Mapping[UUID, Fetch], delivered: Mapping[UUID, datetime]
    ) -> None:
        """The latest attempt by thing, and the earliest success among those not yet written."""

    async def announce_refusals(self, config: Config, failures: int) -> None:
        """Tell that somebody may be guessing a gateway's key."""


class FailureCounts(Protocol):
    """Failures by key within a minute."""

    async def check(self, *key: str) -> None:
        """Raises TooManyRequests."""

    async def note_failure(self, *key: str) -> int:
        """The how-manieth it was."""

    def failures(self, *key: str) -> int:
        """How many are known of."""


class ConfigSets(Protocol):
    """The configs that mappings made, and the mappings that may make none any more."""

    async def insert(self, configs: Mapping[UUID, Config], moment: datetime) -> set[UUID]:
        """Make the configs of those mappings that were not known already.

        Returns:
            The mappings whose configs were made.

        Raises ExternalIdTaken or ThingHasConfig, and has changed nothing then.
        """

    async def find(self, mapping_id: UUID) -> ConfigSet | None:
        """What is known of a mapping."""

    async def withdraw(
        self, mapping_ids: Collection[UUID], owner_id: UUID, moment: datetime
    ) -> set[UUID]:
        """Remove the configs and make the mappings known.

        Returns:
            The mappings of which that was done: those that are not another user's.
        """


class FollowedConfigs(Protocol):
    """All configs, by what they refer to."""

    async def delete_of_things(
        self, thing_ids: Sequence[UUID], *, made_before: datetime | None
    ) -> None:
        """Remove the configs of things, as far as there are any."""

    async def remove_channels(
        self, channel_ids: Sequence[UUID], moment: datetime, *, seen_before: datetime | None
    ) -> None:
        """Take channels out of every config that has them."""

    async def find_owner(self, thing_id: UUID) -> UUID | None:
        """Whose config the thing has."""

    async def find_owner_by_channel(self, channel_id: UUID) -> UUID | None:
        """One of those whose configs have the channel."""

    async def update_thing_key(self, thing_id: UUID, thing_key: str, moment: datetime) -> None:
        """Replace the copy of a thing's secret, if it is another one."""

    async def update_channel(
        self, channel_id: UUID, *, name: str, metadata: JsonObject, moment: datetime
    ) -> None:
        """Replace the copies of a channel, where they differ."""

    async def deactivate(
        self,
        thing_ids: Sequence[UUID],
        channel_ids: Sequence[UUID],
        *,
        disconnected_at: datetime,
        moment: datetime,
    ) -> bool:
        """Switch off what was connected before and is not any more.

        False if a change has one of the configs for itself, so that nobody can tell yet.
        """


class UsersThings(Protocol):
    """Things, channels and connections, as the user may use them whose token goes along."""

    async def view_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """Raises NotFound."""

    async def view_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """Raises NotFound."""

    async def create_thing(self, token: str, thing: CreateThingBody) -> ThingBody:
        """Make a thing of a chosen id."""

    async def delete_thing(self, token: str, thing_id: UUID) -> None:
        """Raises NotFound."""

    async def connect(
        self, token: str, thing_id: UUID, channel_ids: Sequence[UUID]
    ) -> PoliciesPage:
        """All or none."""

    async def disconnect(self, token: str, thing_id: UUID, channel_ids: Sequence[UUID]) -> None:
        """All or none; raises NotFound if one is not connected."""


class ReadThings(Protocol):
    """Things and channels as they are now, for bootstrap itself."""

    async def read_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """Raises NotFound."""

    async def read_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """Raises NotFound."""


class ActingForUsers(Protocol):
    """Tokens by which bootstrap reads for a user."""

    async def act_for_user(self, user_id: UUID, scope: str) -> ExchangedTokenBody:
        """Raises NotFound if there is no such user any more."""
