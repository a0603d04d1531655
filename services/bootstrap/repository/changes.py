"""Configs that change together with what things has connected.

A change that calls things cannot be one transaction. Instead it claims the config, calls, and
stores what came of it; a claim that has not been given up after a while was a crash's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from services.bootstrap.domain import Channel, Claim, ConfigNotFound
from shared.contracts.bootstrap import (
    ConfigActivated,
    ConfigDeactivated,
    ConfigDeleted,
    ConfigUpdated,
    State,
)
from shared.contracts.events import Event
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


class ChangeRepository:
    """See `ChangedConfigs`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def claim(
        self, thing_id: UUID, owner_id: UUID, change_id: UUID, channel_ids: Sequence[UUID]
    ) -> Claim | None:
        row = await self._database.fetchrow(
            """
            WITH before AS (
                SELECT thing_id, state, channels, changing, changing_channels,
                       changing IS NULL OR changing_until <= now() AS is_free
                FROM configs
                WHERE thing_id = $1 AND owner_id = $2
                FOR UPDATE
            ), claimed AS (
                UPDATE configs
                SET changing = $3, changing_until = now() + interval '1 minute',
                    changing_channels = $4::uuid[] || before.changing_channels
                FROM before
                WHERE configs.thing_id = before.thing_id AND before.is_free
            )
            SELECT thing_id, state, channels, changing, changing_channels, is_free
            FROM before
            """,
            thing_id,
            owner_id,
            change_id,
            list(channel_ids),
        )
        if row is None:
            raise ConfigNotFound
        if not row["is_free"]:
            return None
        return Claim(
            id=change_id,
            thing_id=thing_id,
            state=State(row["state"]),
            channels=msgspec.convert(row["channels"], tuple[Channel, ...]),
            is_unsure=row["changing"] is not None,
            touched=tuple(row["changing_channels"] or ()),
        )

    async def update_state(self, claim: Claim, state: int, moment: datetime) -> bool:
        event: Event = (
            ConfigActivated(thing_id=claim.thing_id)
            if state == State.ACTIVE
            else ConfigDeactivated(thing_ids=[claim.thing_id])
        )
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE configs
                SET state = $3::smallint, updated_at = $4::timestamptz,
                    connected_at = CASE WHEN $3::smallint = 1 THEN $4::timestamptz END,
                    changing = NULL, changing_until = NULL, changing_channels = NULL
                WHERE thing_id = $1 AND changing = $2
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            claim.thing_id,
            claim.id,
            state,
            moment,
            event=event,
        )
        return changed is not None

    async def update_channels(
        self, claim: Claim, channels: Sequence[Channel], moment: datetime
    ) -> bool:
        """What happened to channels in the meantime shows in the row, not in the claim."""
        known = set(claim.channel_ids)
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE configs
                SET channels = (
                        SELECT coalesce(
                            jsonb_agg(coalesce(kept.channel, given.channel) ORDER BY place), '[]'
                        )
                        FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY
                            AS given (channel, place)
                        LEFT JOIN jsonb_array_elements(configs.channels) AS kept (channel)
                            ON kept.channel ->> 'id' = given.channel ->> 'id'
                        WHERE kept.channel IS NOT NULL OR given.channel ->> 'id' = ANY ($4::text[])
                    ),
                    updated_at = $5,
                    changing = NULL, changing_until = NULL, changing_channels = NULL
                WHERE thing_id = $1 AND changing = $2
                RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            claim.thing_id,
            claim.id,
            list(channels),
            [str(channel.id) for channel in channels if channel.id not in known],
            moment,
            event=ConfigUpdated(thing_ids=[claim.thing_id], members=["channels"]),
        )
        return changed is not None

    async def delete(self, claim: Claim) -> bool:
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                DELETE FROM configs WHERE thing_id = $1 AND changing = $2 RETURNING thing_id
            ){announcing}
            SELECT thing_id FROM changed
            """,
            claim.thing_id,
            claim.id,
            event=ConfigDeleted(thing_id=claim.thing_id),
        )
        return changed is not None

    async def is_ours(self, claim: Claim) -> bool:
        return bool(
            await self._database.fetchval(
                """
                SELECT NOT EXISTS (
                    SELECT FROM configs WHERE thing_id = $1 AND changing IS DISTINCT FROM $2
                )
                """,
                claim.thing_id,
                claim.id,
            )
        )

    async def release(
        self, claim: Claim, *, is_sure: bool, reconnected_at: datetime | None = None
    ) -> None:
        await self._database.execute(
            """
            UPDATE configs
            SET changing = CASE WHEN NOT $3::boolean THEN changing END,
                changing_until = CASE WHEN NOT $3::boolean THEN now() END,
                changing_channels = CASE WHEN NOT $3::boolean THEN changing_channels END,
                connected_at = CASE WHEN state = 1 THEN coalesce($4, connected_at) END
            WHERE thing_id = $1 AND changing = $2
            """,
            claim.thing_id,
            claim.id,
            is_sure,
            reconnected_at,
        )
