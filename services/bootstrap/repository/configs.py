"""Configs of users, and of gateways."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from services.bootstrap.domain import (
    Certificates,
    Config,
    ConfigFilter,
    ConfigNotFound,
    ConfigSummary,
)
from services.bootstrap.repository.rows import (
    TAKEN,
    Seals,
    config,
    config_summary,
    last_fetch,
    seal_client_key,
)
from shared.coalescing import Coalescer
from shared.contracts.bootstrap import ConfigCreated, ConfigUpdated
from shared.http.paging import Page
from shared.postgres import owners
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ConfigRepository:
    """Single configs, and lists of them; see `OwnersConfigs`, `NewConfigs`, `GatewayConfigs`."""

    def __init__(self, database: Database, outbox: Outbox, seals: Seals) -> None:
        self._database = database
        self._outbox = outbox
        self._seals = seals
        self._finds: Coalescer[None, str, asyncpg.Record | None] = Coalescer(self._find_all)

    async def get(self, thing_id: UUID, owner_id: UUID) -> Config:
        row = await self._database.fetchrow(
            """
            SELECT thing_id, owner_id, thing_key, external_id, external_key, name, content, state,
                   channels, client_cert, client_key, ca_cert,
                   last_fetch_at, last_fetch_address, last_fetch_result
            FROM configs
            WHERE thing_id = $1 AND owner_id = $2
            """,
            thing_id,
            owner_id,
        )
        if row is None:
            raise ConfigNotFound
        found = config(row, self._seals)
        return msgspec.structs.replace(found, last_fetch=last_fetch(row))

    async def find_by_external_id(self, external_id: str) -> Config | None:
        row = await self._finds.call(None, external_id)
        return config(row, self._seals) if row is not None else None

    async def _find_all(self, _: None, external_ids: Sequence[str]) -> list[asyncpg.Record | None]:
        """Gateways that come at the same moment share a statement."""
        rows = await self._database.fetch(
            # Planned once: ADR 19.
            """
            SELECT thing_id, owner_id, thing_key, external_id, external_key, name, content, state,
                   channels, client_cert, client_key, ca_cert
            FROM configs
            WHERE external_id = ANY ((SELECT $1::text[])::text[])
            """,
            external_ids,
        )
        found = {row["external_id"]: row for row in rows}
        return [found.get(external_id) for external_id in external_ids]

    async def list_page(
        self, owner_id: UUID, wanted: ConfigFilter, page: Page
    ) -> tuple[int, list[ConfigSummary]]:
        """Total and page in one statement, so that they agree."""
        text, arguments = owners.page_statement(
            "configs",
            "thing_id",
            "thing_id, owner_id, thing_key, external_id, external_key, name, content, state, "
            "created_at",
            owner_id,
            self._narrowing(wanted),
            page,
        )
        rows = await self._database.fetch(text, *arguments)
        summaries = [config_summary(row, self._seals) for row in rows if row["thing_id"]]
        return rows[0]["total"], summaries

    async def update(
        self, thing_id: UUID, owner_id: UUID, *, name: str, content: str, moment: datetime
    ) -> None:
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE configs
                SET name = $3, content = $4, updated_at = $5
                WHERE thing_id = $1 AND owner_id = $2
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            thing_id,
            owner_id,
            name,
            content,
            moment,
            event=ConfigUpdated(thing_ids=[thing_id], members=["name", "content"]),
        )
        if changed is None:
            raise ConfigNotFound

    async def update_certificates(
        self, thing_id: UUID, owner_id: UUID, certificates: Certificates, moment: datetime
    ) -> None:
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE configs
                SET client_cert = $3, client_key = $4, ca_cert = $5, updated_at = $6
                WHERE thing_id = $1 AND owner_id = $2
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            thing_id,
            owner_id,
            certificates.client_cert,
            seal_client_key(self._seals, certificates.client_key, thing_id.bytes),
            certificates.ca_cert,
            moment,
            event=ConfigUpdated(
                thing_ids=[thing_id], members=["client_cert", "client_key", "ca_cert"]
            ),
        )
        if changed is None:
            raise ConfigNotFound

    async def insert(self, config: Config, moment: datetime) -> None:
        context = config.thing_id.bytes
        certificates = config.certificates
        thing_key = config.thing_key.encode()
        try:
            await self._outbox.fetch(
                """
                WITH changed AS (
                    INSERT INTO configs (
                        owner_id, created_at, updated_at, thing_id, external_id, external_key,
                        thing_key, thing_key_fingerprint, name, content, channels, client_cert,
                        client_key, ca_cert, state
                    )
                    VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                    RETURNING thing_id
                ){announcing}
                SELECT thing_id FROM changed
                """,
                config.owner_id,
                moment,
                config.thing_id,
                config.external_id,
                self._seals.external_key.seal(config.external_key.encode(), context),
                self._seals.thing_key.seal(thing_key, context),
                self._seals.thing_key.fingerprint(thing_key),
                config.name,
                config.content,
                config.channels,
                certificates.client_cert,
                seal_client_key(self._seals, certificates.client_key, context),
                certificates.ca_cert,
                int(config.state),
                event=ConfigCreated(
                    thing_id=config.thing_id,
                    owner_id=config.owner_id,
                    external_id=config.external_id,
                    state=config.state,
                ),
            )
        except asyncpg.UniqueViolationError as error:
            raise TAKEN[error.constraint_name or ""] from None

    def _narrowing(self, wanted: ConfigFilter) -> list[tuple[str, Any]]:
        """Only the conditions that narrow, so that each kind of list gets a plan of its own."""
        narrowing: list[tuple[str, Any]] = []
        if wanted.state is not None:
            narrowing.append(("state = {}", int(wanted.state)))
        if wanted.external_id is not None:
            narrowing.append(("external_id = {}", wanted.external_id))
        if wanted.thing_id is not None:
            narrowing.append(("thing_id = {}", _uuid(wanted.thing_id)))
        if wanted.thing_key is not None:
            fingerprint = self._seals.thing_key.fingerprint(wanted.thing_key.encode())
            narrowing.append(("thing_key_fingerprint = {}", fingerprint))
        if wanted.name_part is not None:
            narrowing.append(("position(lower({}) IN lower(name)) > 0", wanted.name_part))
        return narrowing


def _uuid(text: str) -> UUID | None:
    """None is equal to nothing in SQL."""
    try:
        return UUID(text)
    except ValueError:
        return None
