"""The things service."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import aiohttp

from shared.clients.base import Peer
from shared.contracts.things import (
    AppliedSetBody,
    ChannelBody,
    ConnectBody,
    CreateThingBody,
    EntitySetBody,
    PoliciesPage,
    SetStateBody,
    ThingBody,
    WithdrawSetBody,
)


class ThingsClient:
    """Calls things; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "things", base_url, timeout_seconds)

    async def apply_set(
        self, token: str, mapping_id: UUID, entities: EntitySetBody
    ) -> AppliedSetBody:
        """Make a mapping's things, channels and connections, all or none; safe to repeat.

        Raises:
            Conflict: An id or secret is taken, or the set was withdrawn (`id_withdrawn`).
        """
        return await self._peer.call(
            "PUT",
            f"/internal/sets/{mapping_id}",
            token=token,
            body=entities,
            answer=AppliedSetBody,
            repeatable=True,
        )

    async def view_set(self, token: str, mapping_id: UUID) -> SetStateBody:
        """What there is of a mapping's entities now, with current secrets.

        Raises:
            NotFound: The set was never applied, or is withdrawn.
        """
        return await self._peer.call(
            "GET",
            f"/internal/sets/{mapping_id}",
            token=token,
            answer=SetStateBody,
            repeatable=True,
        )

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        """Remove a mapping's entities, also ones never seen, so that they cannot appear later."""
        await self._peer.call(
            "DELETE", f"/internal/sets/{mapping_id}", token=token, body=entities, repeatable=True
        )

    async def view_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """Show a thing as its user sees it; raises NotFound."""
        return await self._peer.call(
            "GET", f"/things/{thing_id}", token=token, answer=ThingBody, repeatable=True
        )

    async def view_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """Show a channel as its user sees it; raises NotFound."""
        return await self._peer.call(
            "GET", f"/channels/{channel_id}", token=token, answer=ChannelBody, repeatable=True
        )

    async def create_thing(self, token: str, thing: CreateThingBody) -> ThingBody:
        """Make a thing; raises Conflict if its id or secret is taken."""
        return await self._peer.call("POST", "/things", token=token, body=thing, answer=ThingBody)

    async def delete_thing(self, token: str, thing_id: UUID) -> None:
        """Remove a thing; raises NotFound, also if a try before removed it unheard."""
        await self._peer.call("DELETE", f"/things/{thing_id}", token=token, repeatable=True)

    async def connect(
        self, token: str, thing_id: UUID, channel_ids: Sequence[UUID]
    ) -> PoliciesPage:
        """Connect a thing to channels, all or none.

        Raises:
            NotFound: The thing or a channel does not exist.
            Forbidden: One is not the user's.
        """
        return await self._peer.call(
            "POST",
            "/connect",
            token=token,
            body=_pairs(thing_id, channel_ids),
            answer=PoliciesPage,
        )

    async def disconnect(self, token: str, thing_id: UUID, channel_ids: Sequence[UUID]) -> None:
        """Disconnect a thing from channels, all or none.

        Raises:
            NotFound: The thing or a channel does not exist, or they are not connected.
            Forbidden: Neither side is the user's.
        """
        await self._peer.call(
            "POST", "/disconnect", token=token, body=_pairs(thing_id, channel_ids)
        )

    async def read_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """A thing with its secret, for a service that may read it; raises NotFound."""
        return await self._peer.call(
            "GET", f"/internal/things/{thing_id}", token=token, answer=ThingBody, repeatable=True
        )

    async def read_channel(self, token: str, channel_id: UUID) -> ChannelBody:
        """A channel, for a service that may read it; raises NotFound."""
        return await self._peer.call(
            "GET",
            f"/internal/channels/{channel_id}",
            token=token,
            answer=ChannelBody,
            repeatable=True,
        )


def _pairs(thing_id: UUID, channel_ids: Sequence[UUID]) -> ConnectBody:
    return ConnectBody(
        thing_ids=[str(thing_id)], channel_ids=[str(channel_id) for channel_id in channel_ids]
    )
