"""The things service."""

from __future__ import annotations

from uuid import UUID

import aiohttp

from shared.clients.base import Peer
from shared.contracts.things import (
    AppliedSetBody,
    EntitySetBody,
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

    async def withdraw_set(self, token: str, mapping_id: UUID, entities: WithdrawSetBody) -> None:
        """Remove a mapping's entities, also ones never seen, so that they cannot appear later."""
        await self._peer.call(
            "DELETE", f"/internal/sets/{mapping_id}", token=token, body=entities, repeatable=True
        )
