"""The things service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import aiohttp
from msgspec import Struct

from shared.clients.base import Peer, with_query
from shared.clock import Timestamp
from shared.coalescing import Coalescer
from shared.contracts.things import (
    AccessBody,
    AppliedSetsBody,
    ChannelBody,
    ConnectBody,
    CreateThingBody,
    DeviceBody,
    DeviceKeyBody,
    EntitySetBody,
    EntitySetsBody,
    GrantedAccessBody,
    IdentifiedBody,
    OwnerBody,
    PoliciesPage,
    SecretBody,
    SetIdsBody,
    SetStateBody,
    SetStatesBody,
    SetWithdrawal,
    TagsBody,
    ThingBody,
    ThingsBody,
    ThingsPage,
    ThingsQuery,
    UpdateThingBody,
    WithdrawSetBody,
    WithdrawSetsBody,
)
from shared.errors import NotFound


class ThingsClient:
    """Calls things; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "things", base_url, timeout_seconds)
        self._looks: Coalescer[str, UUID, SetStateBody | None] = Coalescer(self._view_sets)
        self._withdrawals: Coalescer[str, SetWithdrawal, None] = Coalescer(self._withdraw_sets)

    async def apply_sets(
        self, token: str, sets: Mapping[UUID, EntitySetBody]
    ) -> dict[UUID, Timestamp]:
        """Make mappings' things, channels and connections, all or none; safe to repeat.

        Returns:
            When each set was made.

        Raises:
            Conflict: An id or secret is taken, or a set was withdrawn (`id_withdrawn`).
        """
        applied = await self._peer.call(
            "PUT",
            "/internal/sets",
            token=token,
            body=EntitySetsBody(dict(sets)),
            answer=AppliedSetsBody,
            repeatable=True,
        )
        return applied.created_at

    async def view_set(self, token: str, mapping_id: UUID) -> SetStateBody:
        """What there is of a mapping's entities now, with current secrets.

        Sets that are looked at at the same time with the same token travel together.

        Raises:
            NotFound: The set was never applied, or is withdrawn.
        """
        state = await self._looks.call(token, mapping_id)
        if state is None:
            raise NotFound
        return state

    async def _view_sets(
        self, token: str, mapping_ids: Sequence[UUID]
    ) -> list[SetStateBody | None]:
        states = await self._peer.call(
            "POST",
            "/internal/sets/view",
            token=token,
            body=SetIdsBody(list(mapping_ids)),
            answer=SetStatesBody,
            repeatable=True,
        )
        return [states.sets.get(mapping_id) for mapping_id in mapping_ids]

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        """Remove a mapping's entities, also ones never seen, so that they cannot appear later.

        Sets that are withdrawn at the same time with the same token travel together.

        Raises:
            Conflict: The mapping is another user's.
        """
        withdrawal = SetWithdrawal(
            mapping_id=mapping_id, things=entities.things, channels=entities.channels
        )
        await self._withdrawals.call(token, withdrawal)

    async def _withdraw_sets(self, token: str, withdrawals: Sequence[SetWithdrawal]) -> list[None]:
        await self._peer.call(
            "DELETE",
            "/internal/sets",
            token=token,
            body=WithdrawSetsBody(list(withdrawals)),
            repeatable=True,
        )
        return [None] * len(withdrawals)

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

    async def create_things(self, token: str, things: Sequence[CreateThingBody]) -> ThingsBody:
        """Make things, all or none; raises Conflict if an id or secret is taken."""
        return await self._peer.call(
            "POST", "/things/bulk", token=token, body=list(things), answer=ThingsBody
        )

    async def list_things(self, token: str, query: ThingsQuery | None = None) -> ThingsPage:
        """The caller's things; an admin's are all."""
        return await self._peer.call(
            "GET",
            with_query("/things", query or ThingsQuery()),
            token=token,
            answer=ThingsPage,
            repeatable=True,
        )

    async def update_thing(self, token: str, thing_id: UUID, changes: UpdateThingBody) -> ThingBody:
        """Change name and metadata."""
        return await self._change(token, f"/things/{thing_id}", changes)

    async def set_tags(self, token: str, thing_id: UUID, tags: list[str]) -> ThingBody:
        """Replace a thing's tags."""
        return await self._change(token, f"/things/{thing_id}/tags", TagsBody(tags=tags))

    async def set_secret(self, token: str, thing_id: UUID, secret: str) -> ThingBody:
        """Replace a thing's secret, at once and everywhere; raises Conflict if it is taken."""
        return await self._change(token, f"/things/{thing_id}/secret", SecretBody(secret=secret))

    async def set_owner(self, token: str, thing_id: UUID, owner_id: UUID) -> ThingBody:
        """Give a thing to another user."""
        return await self._change(
            token, f"/things/{thing_id}/owner", OwnerBody(owner=str(owner_id))
        )

    async def enable_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """Let a disabled thing take part again; raises Conflict if it does."""
        return await self._peer.call(
            "POST", f"/things/{thing_id}/enable", token=token, answer=ThingBody
        )

    async def disable_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """Shut a thing out, at once; raises Conflict if it is."""
        return await self._peer.call(
            "POST", f"/things/{thing_id}/disable", token=token, answer=ThingBody
        )

    async def identify(self, key: str) -> UUID:
        """The id of the thing that has a key; raises NotFound."""
        body = await self._peer.call(
            "POST",
            "/identify",
            headers={"Authorization": f"Thing {key}"},
            answer=IdentifiedBody,
            repeatable=True,
        )
        return body.id

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

    async def check_access(self, key: str, channel_id: UUID, action: str) -> UUID:
        """The thing that has a key, if it may do this in a channel.

        Raises:
            Forbidden: It may not, whatever the reason.
        """
        body = await self._peer.call(
            "POST",
            f"/channels/{channel_id}/access",
            body=AccessBody(subject=key, action=action),
            answer=GrantedAccessBody,
            repeatable=True,
        )
        return body.thing_id

    async def find_device(self, key: str) -> DeviceBody:
        """The thing that has a key, with all its channels; raises Forbidden."""
        return await self._peer.call(
            "POST",
            "/internal/devices",
            body=DeviceKeyBody(key),
            answer=DeviceBody,
            repeatable=True,
        )

    async def _change(self, token: str, path: str, changes: Struct) -> ThingBody:
        return await self._peer.call("PATCH", path, token=token, body=changes, answer=ThingBody)


def _pairs(thing_id: UUID, channel_ids: Sequence[UUID]) -> ConnectBody:
    return ConnectBody(
        thing_ids=[str(thing_id)], channel_ids=[str(channel_id) for channel_id in channel_ids]
    )
