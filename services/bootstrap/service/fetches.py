"""Who fetched when: gathered in memory and written down once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.bootstrap.domain import DELIVERED, Fetch
from services.bootstrap.ports import FetchedConfigs
from shared.errors import DomainError
from shared.tasks import stop

logger = structlog.get_logger(__name__)

FETCHES = Counter("bootstrap_fetches_total", "Attempts to fetch a config.", ["result"])
_EVERY_SECONDS = 1.0


class FetchLog:
    """Remembers the latest attempt of each gateway; a crash costs a second of them."""

    def __init__(self, configs: FetchedConfigs) -> None:
        self._configs = configs
        self._latest: dict[UUID, Fetch] = {}
        self._delivered: dict[UUID, datetime] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, configs: FetchedConfigs) -> AsyncIterator[FetchLog]:
        """Write down as long as the context lasts, and what is left at its end."""
        log = cls(configs)
        task = asyncio.create_task(log._write_for_ever(), name="fetch-log")
        try:
            yield log
        finally:
            await stop(task)
            await log.write()

    def note(self, thing_id: UUID, fetch: Fetch) -> None:
        """Remember an attempt to fetch the config of a thing."""
        FETCHES.labels(fetch.result).inc()
        self._latest[thing_id] = fetch
        if fetch.result == DELIVERED:
            self._delivered.setdefault(thing_id, fetch.at)

    async def write(self) -> None:
        """Write down what is remembered; what cannot be written is remembered further.

        Events: `ConfigFirstFetched`.
        """
        if not self._latest:
            return
        latest, self._latest = self._latest, {}
        delivered, self._delivered = self._delivered, {}
        try:
            await self._configs.record_fetches(latest, delivered)
        except DomainError as error:
            logger.warning("fetches_not_recorded", error=type(error).__name__)
            self._latest = latest | self._latest
            self._delivered |= delivered

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.write()
