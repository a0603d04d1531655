"""The configs of mappings."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.bootstrap.domain import Config, ConfigSet
from services.bootstrap.repository.rows import TAKEN, Seals, seal_client_key
from shared.contracts.bootstrap import ConfigCreated, ConfigDeleted
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database


class SetRepository:
    """See `ConfigSets`.

    The mapping's row decides who was first: who inserts it makes the config in the same statement,
    and everybody else waits for that statement's end.
    """

    def __init__(self, database: Database, outbox: Outbox, seals: Seals) -> None:
        self._database = database
        self._outbox = outbox
        self._seals = seals

    async def insert(self, mapping_id: UUID, config: Config, moment: datetime) -> bool:
        context = config.thing_id.bytes
        certificates = config.certificates
        thing_key = config.thing_key.encode()
        try:
            made = await self._outbox.fetchrow(
                """
                WITH claimed AS (
                    INSERT INTO config_sets (mapping_id, owner_id, created_at)
                    VALUES ($1, $2, $3)
                    ON CONFLICT DO NOTHING
                    RETURNING mapping_id, owner_id, created_at
                ), changed AS (
                    INSERT INTO configs (
                        mapping_id, owner_id, created_at, updated_at, thing_id, external_id,
                        external_key, thing_key, thing_key_fingerprint, name, content, channels,
                        client_cert, client_key, ca_cert, state, connected_at
                    )
                    SELECT mapping_id, owner_id, created_at, created_at, $4, $5,
                           $6, $7, $8, $9, $10, $11,
                           $12, $13, $14, $15::smallint,
                           CASE WHEN $15::smallint = 1 THEN created_at END
                    FROM claimed
                    RETURNING thing_id
                ){announcing}
                SELECT thing_id FROM changed
                """,
                mapping_id,
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
        return made is not None

    async def find(self, mapping_id: UUID) -> ConfigSet | None:
        row = await self._database.fetchrow(
            """
            SELECT owner_id,
                   EXISTS (SELECT FROM configs WHERE mapping_id = $1) AS has_config
            FROM config_sets
            WHERE mapping_id = $1
            """,
            mapping_id,
        )
        return ConfigSet(**row) if row is not None else None

    async def withdraw(self, mapping_id: UUID, owner_id: UUID, moment: datetime) -> bool:
        """Two statements: the first waits for an apply on its way, the second sees what it made."""

        async def work(connection: Connection) -> bool:
            is_owners = await connection.fetchval(
                """
                INSERT INTO config_sets AS known (mapping_id, owner_id, created_at, withdrawn_at)
                VALUES ($1, $2, $3, $3)
                ON CONFLICT (mapping_id) DO UPDATE
                SET withdrawn_at = coalesce(known.withdrawn_at, excluded.withdrawn_at)
                WHERE known.owner_id = excluded.owner_id
                RETURNING true
                """,
                mapping_id,
                owner_id,
                moment,
            )
            if not is_owners:
                return False
            thing_id = await connection.fetchval(
                "DELETE FROM configs WHERE mapping_id = $1 RETURNING thing_id", mapping_id
            )
            if thing_id is not None:
                await self._outbox.append(connection, ConfigDeleted(thing_id=thing_id))
            return True

        is_owners = await self._database.transact(work)
        self._outbox.written.set()
        return is_owners
