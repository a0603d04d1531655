"""The configs of mappings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from services.bootstrap.domain import Config, ConfigSet
from services.bootstrap.repository.rows import TAKEN, Seals, seal_client_key
from shared.contracts.bootstrap import ConfigCreated, ConfigDeleted
from shared.postgres.outbox import Outbox, announcement
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

    async def insert(self, configs: Mapping[UUID, Config], moment: datetime) -> set[UUID]:
        seals, made = self._seals, list(configs.values())
        contexts = [config.thing_id.bytes for config in made]
        keys = [config.thing_key.encode() for config in made]
        try:
            rows = await self._outbox.fetch_each(
                """
                WITH wanted AS (
                    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[],
                                         $5::bytea[], $6::bytea[], $7::bytea[], $8::text[],
                                         $9::text[], $10::text[], $11::text[], $12::bytea[],
                                         $13::text[], $14::smallint[])
                        AS wanted (mapping_id, owner_id, thing_id, external_id, external_key,
                                   thing_key, thing_key_fingerprint, name, content, channels,
                                   client_cert, client_key, ca_cert, state)
                ), claimed AS (
                    INSERT INTO config_sets (mapping_id, owner_id, created_at)
                    SELECT mapping_id, owner_id, $15 FROM wanted ORDER BY mapping_id
                    ON CONFLICT DO NOTHING
                    RETURNING mapping_id
                ), changed AS (
                    INSERT INTO configs (
                        mapping_id, owner_id, created_at, updated_at, thing_id, external_id,
                        external_key, thing_key, thing_key_fingerprint, name, content, channels,
                        client_cert, client_key, ca_cert, state, connected_at
                    )
                    SELECT mapping_id, owner_id, $15, $15, thing_id, external_id,
                           external_key, thing_key, thing_key_fingerprint, name, content,
                           channels::jsonb, client_cert, client_key, ca_cert, state,
                           CASE WHEN state = 1 THEN $15 END
                    FROM claimed JOIN wanted USING (mapping_id)
                    ORDER BY external_id
                    RETURNING mapping_id AS key
                ){announcing}
                SELECT key FROM changed
                """,
                list(configs),
                [config.owner_id for config in made],
                [config.thing_id for config in made],
                [config.external_id for config in made],
                [
                    seals.external_key.seal(config.external_key.encode(), context)
                    for config, context in zip(made, contexts, strict=True)
                ],
                [
                    seals.thing_key.seal(key, context)
                    for key, context in zip(keys, contexts, strict=True)
                ],
                [seals.thing_key.fingerprint(key) for key in keys],
                [config.name for config in made],
                [config.content for config in made],
                [msgspec.json.encode(config.channels).decode() for config in made],
                [config.certificates.client_cert for config in made],
                [
                    seal_client_key(seals, config.certificates.client_key, context)
                    for config, context in zip(made, contexts, strict=True)
                ],
                [config.certificates.ca_cert for config in made],
                [int(config.state) for config in made],
                moment,
                told={
                    mapping_id: announcement(_created(config))
                    for mapping_id, config in configs.items()
                },
            )
        except asyncpg.UniqueViolationError as error:
            raise TAKEN[error.constraint_name or ""] from None
        return {row["key"] for row in rows}

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

    async def withdraw(
        self, mapping_ids: Collection[UUID], owner_id: UUID, moment: datetime
    ) -> set[UUID]:
        """Two statements: the first waits for applies on their way, the second sees what they made.

        Mappings go in order, so that two withdrawals of the same ones do not wait for each other.
        """

        async def work(connection: Connection) -> set[UUID]:
            rows = await connection.fetch(
                """
                INSERT INTO config_sets AS known (mapping_id, owner_id, created_at, withdrawn_at)
                SELECT mapping_id, $2, $3, $3
                FROM unnest($1::uuid[]) AS mapping_id
                ORDER BY mapping_id
                ON CONFLICT (mapping_id) DO UPDATE
                SET withdrawn_at = coalesce(known.withdrawn_at, excluded.withdrawn_at)
                WHERE known.owner_id = excluded.owner_id
                RETURNING mapping_id
                """,
                list(set(mapping_ids)),
                owner_id,
                moment,
            )
            own = {row["mapping_id"] for row in rows}
            deleted = await connection.fetch(
                # Planned once: ADR 19.
                """
                DELETE FROM configs
                WHERE mapping_id = ANY ((SELECT $1::uuid[])::uuid[])
                RETURNING thing_id
                """,
                list(own),
            )
            await self._outbox.append_all(
                connection, [ConfigDeleted(thing_id=row["thing_id"]) for row in deleted]
            )
            return own

        own = await self._database.transact(work)
        self._outbox.written.set()
        return own


def _created(config: Config) -> ConfigCreated:
    return ConfigCreated(
        thing_id=config.thing_id,
        owner_id=config.owner_id,
        external_id=config.external_id,
        state=config.state,
    )
