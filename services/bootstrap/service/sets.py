"""What provision may do: make a mapping's config exactly once, and take it back for good."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from services.bootstrap.domain import (
    Config,
    ConfigWithdrawn,
    MappingOfAnotherUser,
    distinct,
    require_label,
)
from services.bootstrap.ports import ConfigSets, Now
from services.bootstrap.service.authorization import authorize_apply, authorize_withdraw
from shared.errors import InvalidInput
from shared.http.auth import Caller


class SetService:
    """Applies and withdraws the configs of mappings."""

    def __init__(self, sets: ConfigSets, *, now: Now) -> None:
        self._sets = sets
        self._now = now

    async def apply(self, caller: Caller, configs: Mapping[UUID, Config]) -> None:
        """Make mappings' configs, those that were not made before.

        Args:
            configs: By mapping. If one is refused, those before it may have been made.

        Raises:
            InvalidInput: A config like that could never be fetched.
            ExternalIdTaken: A config of this or another user has the external id.
            ThingHasConfig: The thing has a config that this mapping did not make.
            ConfigWithdrawn: It was withdrawn, or made and removed since.
            Forbidden: The caller is not provision acting for these mappings and their user.

        Events: `ConfigCreated` of each.
        """
        for mapping_id, config in configs.items():
            authorize_apply(caller, mapping_id)
            _check(config)
        moment = self._now()
        made = await self._sets.insert(
            {mapping_id: _seen(config, moment) for mapping_id, config in configs.items()}, moment
        )
        for mapping_id in configs.keys() - made:
            known = await self._sets.find(mapping_id)
            if known is not None and known.owner_id != caller.user_id:
                raise MappingOfAnotherUser
            if known is None or not known.has_config:
                raise ConfigWithdrawn

    async def withdraw(self, caller: Caller, mapping_ids: Collection[UUID]) -> None:
        """Remove mappings' configs, also ones never seen, so that they cannot appear later.

        Raises:
            Forbidden: The caller is not provision acting for all of these mappings; nothing was
                changed.
            MappingOfAnotherUser: One is not his; the others' configs are removed.

        Events: `ConfigDeleted` for each config that was there.
        """
        for mapping_id in mapping_ids:
            authorize_withdraw(caller, mapping_id)
        withdrawn = await self._sets.withdraw(mapping_ids, caller.user_id, self._now())
        if not withdrawn.issuperset(mapping_ids):
            raise MappingOfAnotherUser


def _seen(config: Config, moment: datetime) -> Config:
    """The config with its channels, each once, as provision knew them at a moment."""
    channels = [
        msgspec.structs.replace(channel, seen_at=moment) for channel in distinct(config.channels)
    ]
    return msgspec.structs.replace(config, channels=tuple(channels))


def _check(config: Config) -> None:
    require_label(config.external_id, config.external_key)
    if not config.thing_key:
        raise InvalidInput("missing thing secret")
