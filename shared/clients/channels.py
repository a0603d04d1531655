"""Channels, who is connected to them, and with whom they are shared."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import aiohttp

from shared.clients.base import Peer, with_query
from shared.contracts.things import (
    ChannelBody,
    ChannelsBody,
    ChannelsPage,
    ChannelsQuery,
    ConnectBody,
    ConnectedQuery,
    CreateChannelBody,
    CreatePolicyBody,
    PoliciesPage,
    PoliciesQuery,
    ThingsPage,
    UpdateChannelBody,
    UpdatePolicyBody,
)


class ChannelsClient:
    """Calls things about channels; every call takes the token it is made with.

    Args:
        policies_url: Where things' `/policies` is found, if not below `base_url`: users has a
            route of that name, too, so behind one front door both need a prefix.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        policies_url: str = "",
        timeout_seconds: float = 5.0,
    ) -> None:
        self._peer = Peer(session, "things", base_url, timeout_seconds)
        self._policies = Peer(session, "things", policies_url or base_url, timeout_seconds)

    async def create_channel(self, token: str, channel: CreateChannelBody) -> ChannelBody:
        """Make a channel; raises Conflict if its id is taken."""
        return await self._peer.call(
            "POST", "/channels", token=token, body=channel, answer=ChannelBody
        )

    async def create_channels(
        self, token: str, channels: Sequence[CreateChannelBody]
    ) -> ChannelsBody:
        """Make channels, all or none."""
        return await self._peer.call(
            "POST", "/channels/bulk", token=token, body=list(channels), answer=ChannelsBody
        )

    async def view_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """A channel; raises NotFound."""
        return await self._peer.call(
            "GET", f"/channels/{channel_id}", token=token, answer=ChannelBody, repeatable=True
        )

    async def list_channels(self, token: str, query: ChannelsQuery | None = None) -> ChannelsPage:
        """The channels the caller may see."""
        return await self._peer.call(
            "GET",
            with_query("/channels", query or ChannelsQuery()),
            token=token,
            answer=ChannelsPage,
            repeatable=True,
        )

    async def update_channel(
        self, token: str, channel_id: UUID, changes: UpdateChannelBody
    ) -> ChannelBody:
        """Change name, description and metadata."""
        return await self._peer.call(
            "PUT", f"/channels/{channel_id}", token=token, body=changes, answer=ChannelBody
        )

    async def enable_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """Let a disabled channel take part again; raises Conflict if it does."""
        return await self._peer.call(
            "POST", f"/channels/{channel_id}/enable", token=token, answer=ChannelBody
        )

    async def disable_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """Let nobody talk in a channel; raises Conflict if it is so."""
        return await self._peer.call(
            "POST", f"/channels/{channel_id}/disable", token=token, answer=ChannelBody
        )

    async def delete_channel(self, token: str, channel_id: UUID) -> None:
        """Remove a channel and its connections; raises NotFound."""
        await self._peer.call("DELETE", f"/channels/{channel_id}", token=token)

    async def connect(self, token: str, pairs: ConnectBody) -> PoliciesPage:
        """Connect every thing with every channel, all or none."""
        return await self._peer.call(
            "POST", "/connect", token=token, body=pairs, answer=PoliciesPage, repeatable=True
        )

    async def disconnect(self, token: str, pairs: ConnectBody) -> None:
        """Disconnect every thing from every channel, all or none; raises NotFound."""
        await self._peer.call("POST", "/disconnect", token=token, body=pairs)

    async def list_things(
        self, token: str, channel_id: UUID, query: ConnectedQuery | None = None
    ) -> ThingsPage:
        """The things in a channel."""
        return await self._peer.call(
            "GET",
            with_query(f"/channels/{channel_id}/things", query or ConnectedQuery()),
            token=token,
            answer=ThingsPage,
            repeatable=True,
        )

    async def list_channels_of_thing(
        self, token: str, thing_id: UUID, query: ConnectedQuery | None = None
    ) -> ChannelsPage:
        """The channels a thing is in."""
        return await self._peer.call(
            "GET",
            with_query(f"/things/{thing_id}/channels", query or ConnectedQuery()),
            token=token,
            answer=ChannelsPage,
            repeatable=True,
        )

    async def add_policy(self, token: str, policy: CreatePolicyBody) -> None:
        """Connect a thing, or with `external` share the channel with a user."""
        await self._policies.call("POST", "/policies", token=token, body=policy, repeatable=True)

    async def update_policy(self, token: str, policy: UpdatePolicyBody) -> None:
        """Change what the subject may do."""
        await self._policies.call("PUT", "/policies", token=token, body=policy, repeatable=True)

    async def list_policies(self, token: str, query: PoliciesQuery | None = None) -> PoliciesPage:
        """Connections and shares."""
        return await self._policies.call(
            "GET",
            with_query("/policies", query or PoliciesQuery()),
            token=token,
            answer=PoliciesPage,
            repeatable=True,
        )

    async def delete_policy(self, token: str, subject_id: UUID, channel_id: UUID) -> None:
        """Disconnect a thing, or take a share back; raises NotFound."""
        await self._policies.call("DELETE", f"/policies/{subject_id}/{channel_id}", token=token)
