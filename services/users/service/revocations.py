"""What other services must no longer accept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.users.ports import RevocationStore
from shared.contracts.users import RevocationBody


class RevocationService:
    """Tells what no longer counts, and forgets it when it would have expired anyway."""

    def __init__(self, store: RevocationStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def list_since(self, since: int) -> tuple[int, list[RevocationBody]]:
        """Where to go on, and everything from `since` on."""
        return await self._store.list_since(since)

    async def sweep(self) -> None:
        """Forget what has expired by itself."""
        await self._store.sweep(now=self._now())
