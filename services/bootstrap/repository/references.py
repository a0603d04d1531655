"""Configs by the things and channels they refer to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.bootstrap.repository.rows import Seals
from shared.contracts.bootstrap import ConfigDeactivated, ConfigDeleted, ConfigUpdated
from shared.contracts.common import JsonObject
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database

# Keeps the event that names the configs well below the broker's limit for a message.
_BATCH = 1000


class ReferenceRepository:
    """See `FollowedConfigs`."""

    def __init__(self, database: Database, outbox: Outbox, seals: Seals) -> None:
        self._database = database
        self._outbox = outbox
        self._seals = seals

    async def delete_of_things(
        self, thing_ids: Sequence[UUID], *, made_before: datetime | None
    ) -> None:
        """Most things have no config, and a look costs a third of a transaction."""
        if not await self._database.fetchval(
            "SELECT EXISTS (SELECT FROM configs WHERE thing_id = ANY ($1::uuid[]))", thing_ids
        ):
            return

        async def work(connection: Connection) -> None:
            deleted = await connection.fetch(
                """
                DELETE FROM configs
                WHERE thing_id = ANY ($1::uuid[])
                  AND created_at < coalesce($2::timestamptz, 'infinity')
                RETURNING thing_id
                """,
                thing_ids,
                made_before,
            )
            for row in deleted:
                await self._outbox.append(connection, ConfigDeleted(thing_id=row["thing_id"]))

        await self._database.transact(work)
        self._outbox.written.set()

    async def remove_channels(
        self, channel_ids: Sequence[UUID], moment: datetime, *, seen_before: datetime | None
    ) -> None:
        """One channel may stand in every config, so this goes in batches until none has it."""
        texts = [str(channel_id) for channel_id in channel_ids]
        await self._update_in_batches(
            """
            UPDATE configs
            SET updated_at = $1, channels = (
                SELECT coalesce(jsonb_agg(channel ORDER BY place), '[]')
                FROM jsonb_array_elements(channels) WITH ORDINALITY AS member (channel, place)
                WHERE channel ->> 'id' <> ALL ($3::text[])
                   OR (channel ->> 'seen_at')::timestamptz >= $4::timestamptz
            )
            WHERE thing_id IN (
                SELECT thing_id
                FROM configs
                WHERE jsonb_path_query_array(channels, '$[*].id') ?| $3::text[]
                  AND EXISTS (
                      SELECT FROM jsonb_array_elements(channels) AS channel
                      WHERE channel ->> 'id' = ANY ($3::text[])
                        AND ((channel ->> 'seen_at')::timestamptz >= $4::timestamptz) IS NOT TRUE
                  )
                ORDER BY thing_id
                LIMIT $2
                FOR UPDATE
            )
            RETURNING thing_id
            """,
            moment,
            texts,
            seen_before,
        )

    async def find_owner(self, thing_id: UUID) -> UUID | None:
        owner_id: UUID | None = await self._database.fetchval(
            "SELECT owner_id FROM configs WHERE thing_id = $1", thing_id
        )
        return owner_id

    async def find_owner_by_channel(self, channel_id: UUID) -> UUID | None:
        owner_id: UUID | None = await self._database.fetchval(
            """
            SELECT owner_id
            FROM configs
            WHERE jsonb_path_query_array(channels, '$[*].id') ?| ARRAY[$1]
            ORDER BY created_at
            LIMIT 1
            """,
            str(channel_id),
        )
        return owner_id

    async def update_thing_key(self, thing_id: UUID, thing_key: str, moment: datetime) -> None:
        fingerprint = self._seals.thing_key.fingerprint(thing_key.encode())
        await self._outbox.fetch(
            """
            WITH changed AS (
                UPDATE configs
                SET thing_key = $2, thing_key_fingerprint = $3, updated_at = $4
                WHERE thing_id = $1 AND thing_key_fingerprint <> $3
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            thing_id,
            self._seals.thing_key.seal(thing_key.encode(), thing_id.bytes),
            fingerprint,
            moment,
            event=ConfigUpdated(thing_ids=[thing_id], members=["thing_key"]),
        )

    async def update_channel(
        self, channel_id: UUID, *, name: str, metadata: JsonObject, moment: datetime
    ) -> None:
        await self._update_in_batches(
            """
            UPDATE configs
            SET updated_at = $1, channels = (
                SELECT jsonb_agg(
                    CASE WHEN channel ->> 'id' = $3 THEN channel || $4::jsonb ELSE channel END
                    ORDER BY place
                )
                FROM jsonb_array_elements(channels) WITH ORDINALITY AS member (channel, place)
            )
            WHERE thing_id IN (
                SELECT thing_id
                FROM configs
                WHERE jsonb_path_query_array(channels, '$[*].id') ?| ARRAY[$3::text]
                  AND EXISTS (
                      SELECT FROM jsonb_array_elements(channels) AS channel
                      WHERE channel ->> 'id' = $3 AND channel || $4::jsonb <> channel
                  )
                ORDER BY thing_id
                LIMIT $2
                FOR UPDATE
            )
            RETURNING thing_id
            """,
            moment,
            str(channel_id),
            {"name": name, "metadata": metadata},
        )

    async def deactivate(
        self,
        thing_ids: Sequence[UUID],
        channel_ids: Sequence[UUID],
        *,
        disconnected_at: datetime,
        moment: datetime,
    ) -> bool:
        """What was connected after the disconnection, or by it, stays."""

        async def work(connection: Connection) -> bool:
            rows = await connection.fetch(
                """
                SELECT thing_id, changing IS NOT NULL AND changing_until > now() AS is_changing
                FROM configs
                WHERE thing_id = ANY ($1::uuid[]) AND state = 1 AND connected_at < $3
                  AND EXISTS (
                      SELECT FROM jsonb_array_elements(channels) AS channel
                      WHERE channel ->> 'id' = ANY ($2::text[])
                        AND ((channel ->> 'seen_at')::timestamptz >= $3) IS NOT TRUE
                  )
                ORDER BY thing_id
                FOR UPDATE
                """,
                thing_ids,
                [str(channel_id) for channel_id in channel_ids],
                disconnected_at,
            )
            if any(row["is_changing"] for row in rows):
                return False
            if found := [row["thing_id"] for row in rows]:
                await connection.execute(
                    """
                    UPDATE configs
                    SET state = 0, connected_at = NULL, updated_at = $2
                    WHERE thing_id = ANY ($1::uuid[])
                    """,
                    found,
                    moment,
                )
                await self._outbox.append(connection, ConfigDeactivated(thing_ids=found))
            return True

        is_done = await self._database.transact(work)
        self._outbox.written.set()
        return is_done

    async def _update_in_batches(self, statement: str, moment: datetime, *arguments: Any) -> None:
        """Repeat a statement whose first parameters are moment and batch, while it finds any."""

        async def work(connection: Connection) -> bool:
            changed = await connection.fetch(statement, moment, _BATCH, *arguments)
            if changed:
                thing_ids = [row["thing_id"] for row in changed]
                await self._outbox.append(
                    connection, ConfigUpdated(thing_ids=thing_ids, members=["channels"])
                )
            return bool(changed)

        while await self._database.transact(work):
            self._outbox.written.set()
