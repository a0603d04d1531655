"""The bootstrap service."""

from __future__ import annotations

from uuid import UUID

import aiohttp

from shared.clients.base import Peer
from shared.contracts.bootstrap import SetConfigBody


class BootstrapClient:
    """Calls bootstrap; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "bootstrap", base_url, timeout_seconds)

    async def apply_config(self, token: str, mapping_id: UUID, config: SetConfigBody) -> None:
        """Make a mapping's config, active at once; safe to repeat.

        Raises:
            Conflict: The external id is taken, or the config was withdrawn (`id_withdrawn`).
        """
        await self._peer.call(
            "PUT", f"/internal/configs/{mapping_id}", token=token, body=config, repeatable=True
        )

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        """Remove a mapping's config, also one never seen, so that it cannot appear later."""
        await self._peer.call(
            "DELETE", f"/internal/configs/{mapping_id}", token=token, repeatable=True
        )
