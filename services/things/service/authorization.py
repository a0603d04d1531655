"""Who may do what with things, channels and connections: the one place where it is decided.

An owner may do everything with what is his, an admin with everything. Others may do what a share
says: with the shared channel itself (`g_…`) and with the things connected to it (`c_…`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from services.things.domain import (
    ACTIONS,
    Channel,
    ChannelNotFound,
    Connection,
    Owners,
    Pairs,
    Reach,
    Share,
    Thing,
    ThingNotFound,
    canonical_id,
)
from services.things.ports import Grants
from shared.contracts.common import Visibility
from shared.errors import DomainError, Forbidden
from shared.http.auth import Caller, require_scope

_MAPPER = "provision"
_CONFIGURER = "bootstrap"

_ADAPTERS = frozenset({"http_adapter", "mqtt_auth"})


class Authorization:
    """Decides by owners, roles and shares."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def view_thing(self, caller: Caller, thing: Thing | None) -> Thing:
        """The thing, if the caller may see it; raises ThingNotFound."""
        if thing is None or "c_list" not in await self._thing_actions(caller, thing):
            raise ThingNotFound
        return thing

    async def change_thing(
        self, caller: Caller, thing: Thing | None, action: str, *, hides_unseen: bool = False
    ) -> Thing:
        """The thing, if the caller may do this with it.

        Args:
            hides_unseen: Whether a thing the caller cannot see is unknown to him or forbidden.

        Raises:
            Forbidden: He may not; for strangers also if there is no such thing.
            ThingNotFound: There is no such thing, told to admins only unless unseen ones hide.
        """
        if thing is None:
            raise _unseen(caller, hides=hides_unseen)
        actions = await self._thing_actions(caller, thing)
        if action in actions:
            return thing
        if "c_list" in actions:
            raise Forbidden
        raise _unseen(caller, hides=hides_unseen)

    def own_thing(
        self, caller: Caller, thing: Thing | None, *, hides_unseen: bool = False
    ) -> Thing:
        """The thing, if it is the caller's; raises as `change_thing`."""
        if thing is None or not self._owns(caller, thing.owner_id):
            raise _unseen(caller, hides=hides_unseen)
        return thing

    async def use_channel(
        self, caller: Caller, channel: Channel | None, action: str = "g_list"
    ) -> Channel:
        """The channel, if the caller may do this with it.

        Raises:
            ChannelNotFound: Unknown, or he may not even see it.
            Forbidden: He sees it and may not.
        """
        if channel is None:
            raise ChannelNotFound
        actions = await self._channel_actions(caller, channel)
        if action in actions:
            return channel
        if "g_list" in actions:
            raise Forbidden
        raise ChannelNotFound

    def own_channel(self, caller: Caller, channel: Channel | None) -> Channel:
        """The channel, if it is the caller's; raises ChannelNotFound."""
        if channel is None or not self._owns(caller, channel.owner_id):
            raise ChannelNotFound
        return channel

    async def connect(
        self, caller: Caller, pairs: Pairs, owners: Owners, actions: Collection[str]
    ) -> None:
        """Allow to connect things with channels.

        The channels are the caller's, or he may add to them and hands out only what he may do
        there himself; the things are his, or he may share them.

        Raises:
            ThingNotFound: A thing does not exist.
            ChannelNotFound: A channel does not exist.
            Forbidden: One exists and he may not.
        """
        _require_known(pairs, owners)
        channel_ids = self._others(caller, owners.channels)
        if channel_ids:
            granted = await self._grants.find_channel_actions(caller.user_id, channel_ids)
            _require_all(granted, channel_ids, {"g_add", *actions})
        thing_ids = self._others(caller, owners.things)
        if thing_ids:
            granted = await self._grants.find_thing_actions(caller.user_id, thing_ids)
            _require_all(granted, thing_ids, {"c_share"})

    def disconnect(
        self,
        caller: Caller,
        pairs: Pairs,
        owners: Owners,
        makers: dict[tuple[UUID, UUID], UUID],
    ) -> None:
        """Allow to disconnect things from channels: either side is the caller's, or he made it.

        Raises:
            ThingNotFound: A thing does not exist.
            ChannelNotFound: A channel does not exist.
            Forbidden: A connection is others' in every way.
        """
        _require_known(pairs, owners)
        thing_ids = self._others(caller, owners.things)
        channel_ids = self._others(caller, owners.channels)
        for thing_id in thing_ids:
            for channel_id in channel_ids:
                if makers.get((thing_id, channel_id)) != caller.user_id:
                    raise Forbidden

    async def share(self, caller: Caller, channel: Channel | None, actions: Sequence[str]) -> None:
        """Allow to share a channel; whether with that user is for users to say.

        Raises:
            ChannelNotFound: There is no such channel.
            Forbidden: It is not the caller's, and he may not add to it or hands out more than he
                may do himself.
        """
        if channel is None:
            raise ChannelNotFound
        if not {"g_add", *actions} <= await self._channel_actions(caller, channel):
            raise Forbidden

    def change_policy(
        self, caller: Caller, policy: Connection | Share, channel: Channel | None
    ) -> None:
        """Allow to change a policy: it is the caller's, or on his channel; raises Forbidden."""
        owner_ids = {policy.owner_id} | ({channel.owner_id} if channel else set())
        if not any(self._owns(caller, owner_id) for owner_id in owner_ids):
            raise Forbidden

    def policies_of(self, caller: Caller, owner: str) -> UUID | None:
        """Whose policies a list shows: an admin may name somebody, or see all."""
        if not caller.is_admin:
            return caller.user_id
        return canonical_id(owner) if owner else None

    def things_reach(self, caller: Caller, visibility: Visibility, owner: str) -> Reach:
        """Which things a list shows.

        Args:
            owner: Id of the owner an admin wants to see; means nothing from others.
        """
        if visibility == "shared":
            return Reach(shared_with=caller.user_id)
        if caller.is_admin and visibility != "mine":
            return Reach(owner_id=canonical_id(owner) if owner else None)
        return Reach(
            owner_id=caller.user_id,
            shared_with=caller.user_id if visibility == "all" else None,
        )

    def channels_reach(self, caller: Caller, owner: str) -> Reach:
        """Which channels a list shows: own and shared ones, to admins all."""
        if caller.is_admin:
            return Reach(owner_id=canonical_id(owner) if owner else None)
        return Reach(owner_id=caller.user_id, shared_with=caller.user_id)

    def owner_of_new(self, caller: Caller, owner: str) -> UUID:
        """Whose a new thing will be: the caller's, unless an admin names somebody."""
        return canonical_id(owner) if caller.is_admin and owner else caller.user_id

    def apply_set(self, caller: Caller, mapping_id: UUID) -> None:
        """Allow the mapping service to make this mapping's set; raises Forbidden."""
        _require_service(caller, {_MAPPER})
        require_scope(caller, f"mapping:{mapping_id}")

    def manage_set(self, caller: Caller, mapping_id: UUID) -> None:
        """Allow the mapping service to see or remove this mapping's set; raises Forbidden."""
        _require_service(caller, {_MAPPER})
        if caller.scopes.isdisjoint({f"mapping:{mapping_id}", f"withdraw:{mapping_id}"}):
            raise Forbidden

    def read_thing(self, caller: Caller, thing_id: UUID) -> None:
        """Allow the bootstrap service to read its user's thing; raises Forbidden."""
        _require_service(caller, {_CONFIGURER})
        require_scope(caller, f"thing-secret:{thing_id}")

    def read_channel(self, caller: Caller, channel_id: UUID) -> None:
        """Allow the bootstrap service to read its user's channel; raises Forbidden."""
        _require_service(caller, {_CONFIGURER})
        require_scope(caller, f"channel:{channel_id}")

    def ask_access(self, caller: Caller, channel_id: UUID) -> None:
        """Allow a messaging adapter to ask about things in a channel; raises Forbidden."""
        _require_service(caller, _ADAPTERS)
        require_scope(caller, f"access:{channel_id}")

    async def reveal(self, caller: Caller, things: Sequence[Thing]) -> list[Thing]:
        """The things as the caller may see them.

        Secrets are for owners, admins and those who may change the thing, and for API keys only
        if they may write.
        """
        if not caller.may("things:write"):
            return [_without_secret(thing) for thing in things]
        others = {thing.id for thing in things if not self._owns(caller, thing.owner_id)}
        if not others:
            return list(things)
        granted = await self._grants.find_thing_actions(caller.user_id, others)
        return [
            thing
            if thing.id not in others or "c_update" in granted.get(thing.id, ())
            else _without_secret(thing)
            for thing in things
        ]

    async def _thing_actions(self, caller: Caller, thing: Thing) -> Collection[str]:
        if self._owns(caller, thing.owner_id):
            return ACTIONS
        granted = await self._grants.find_thing_actions(caller.user_id, [thing.id])
        return granted.get(thing.id, frozenset())

    async def _channel_actions(self, caller: Caller, channel: Channel) -> frozenset[str]:
        if self._owns(caller, channel.owner_id):
            return ACTIONS
        granted = await self._grants.find_channel_actions(caller.user_id, [channel.id])
        return granted.get(channel.id, frozenset())

    def _others(self, caller: Caller, owners: dict[UUID, UUID]) -> list[UUID]:
        return [each for each, owner_id in owners.items() if not self._owns(caller, owner_id)]

    @staticmethod
    def _owns(caller: Caller, owner_id: UUID) -> bool:
        return caller.is_admin or owner_id == caller.user_id


def _unseen(caller: Caller, *, hides: bool) -> DomainError:
    return ThingNotFound() if caller.is_admin or hides else Forbidden()


def _without_secret(thing: Thing) -> Thing:
    return msgspec.structs.replace(thing, secret="")


def _require_service(caller: Caller, services: Collection[str]) -> None:
    if caller.service not in services:
        raise Forbidden


def _require_all(
    granted: dict[UUID, frozenset[str]], ids: Sequence[UUID], actions: set[str]
) -> None:
    if not all(actions <= granted.get(each, frozenset()) for each in ids):
        raise Forbidden


def _require_known(pairs: Pairs, owners: Owners) -> None:
    if len(owners.things) < len(pairs.thing_ids):
        raise ThingNotFound
    if len(owners.channels) < len(pairs.channel_ids):
        raise ChannelNotFound
