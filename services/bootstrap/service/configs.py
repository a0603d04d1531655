"""What a user may do with his configs."""

from __future__ import annotations

from uuid import UUID

from services.bootstrap.domain import Certificates, Config, ConfigFilter, ConfigSummary
from services.bootstrap.ports import Now, OwnersConfigs
from shared.http.auth import Caller
from shared.http.paging import Page


class ConfigService:
    """The configs of the user who calls."""

    def __init__(self, configs: OwnersConfigs, *, now: Now) -> None:
        self._configs = configs
        self._now = now

    async def view(self, caller: Caller, thing_id: UUID) -> Config:
        """The config of a thing; raises ConfigNotFound."""
        return await self._configs.get(thing_id, caller.user_id)

    async def list_page(
        self, caller: Caller, wanted: ConfigFilter, page: Page
    ) -> tuple[int, list[ConfigSummary]]:
        """How many of the caller's configs match, and a part of them, oldest first."""
        return await self._configs.list_page(caller.user_id, wanted, page)

    async def update(self, caller: Caller, thing_id: UUID, *, name: str, content: str) -> None:
        """Replace name and content.

        Raises:
            ConfigNotFound: Unknown, or another user's.

        Events: `ConfigUpdated`.
        """
        await self._configs.update(
            thing_id, caller.user_id, name=name, content=content, moment=self._now()
        )

    async def update_certificates(
        self, caller: Caller, thing_id: UUID, certificates: Certificates
    ) -> None:
        """Replace all three.

        Raises:
            ConfigNotFound: Unknown, or another user's.

        Events: `ConfigUpdated`.
        """
        await self._configs.update_certificates(thing_id, caller.user_id, certificates, self._now())
