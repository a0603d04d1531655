"""The journal: who works on which mapping, and what is to become of it.

The plan is written before the first call to another service and the close after the last one;
both are enough for anyone to finish or undo a mapping later. Plans hold secrets and are sealed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from services.provision.domain import Claim, Goal, MappingStatus, StepReport, Unfinished
from services.provision.plan import Claimed, Mapping, Plan
from services.provision.repository.groups import Closed, GroupedWrites, NewMapping
from services.provision.repository.removals import Finished, GroupedRemovals, Removal
from services.provision.repository.sealed import PURPOSE, packed, told, unpacked
from shared.contracts.events import Event
from shared.contracts.provision import (
    MappingActive,
    MappingBroken,
    MappingDeleted,
    MappingFailed,
    MappingStuck,
    MappingUndone,
)
from shared.postgres.outbox import Outbox, announcement
from shared.postgres.pool import Connection, Database
from shared.sealing import MasterKey, Sealer


class PostgresJournal:
    """Implements `ports.Journal`.

    Args:
        master_key: From which the keys of plans and fingerprints are derived.
        lease: How long a mapping is left alone after its worker was last heard of.
    """

    def __init__(
        self, database: Database, outbox: Outbox, master_key: MasterKey, lease: timedelta
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = Sealer(master_key, PURPOSE)
        self._lease = lease
        self._writes = GroupedWrites(database, outbox, lease)
        self._removals = GroupedRemovals(database, outbox, lease)

    def fingerprint(self, plan: Plan, layout: str) -> bytes:
        """See Journal."""
        return self._sealer.fingerprint(told(plan, layout))

    async def claim(self, plan: Plan, claim: Claim) -> Claimed:
        """See Journal."""
        context = plan.mapping_id.bytes
        new = NewMapping(
            id=plan.mapping_id,
            owner_id=plan.owner_id,
            external_id=plan.gateway.external_id,
            name=plan.gateway.name,
            layout=claim.layout,
            layout_version=claim.layout_version,
            fingerprint=claim.fingerprint,
            claim_key=claim.key,
            thing_ids=plan.thing_ids,
            channel_ids=plan.channel_ids,
            has_config=plan.config is not None,
            has_certificates=bool(plan.certificates),
            sealed_plan=self._sealer.seal(
                packed(msgspec.structs.replace(plan, private_keys={})), context
            ),
            sealed_keys=self._sealer.seal(packed(plan.private_keys), context)
            if plan.private_keys
            else None,
        )
        while True:
            row = await self._writes.claim(new)
            if row["is_new"]:
                return Claimed(earlier=None, has_leftovers=row["has_leftovers"])
            if row["id"] is not None:
                return Claimed(earlier=self._mapping(row), has_leftovers=row["has_leftovers"])
            # The claim that stood in the way was given up between the two looks.

    async def find_claimed(self, plan: Plan, claim: Claim) -> Mapping | None:
        """See Journal."""
        row = await self._database.fetchrow(
            """
            SELECT id, fingerprint, status, sealed_plan, sealed_keys
            FROM mappings
            WHERE claim_key = $1
               OR (owner_id = $2 AND external_id = $3 AND claim_key IS NOT NULL)
            LIMIT 1
            """,
            claim.key,
            plan.owner_id,
            plan.gateway.external_id,
        )
        return None if row is None else self._mapping(row)

    async def find_status(self, mapping_id: UUID) -> MappingStatus | None:
        """See Journal."""
        status = await self._database.fetchval(
            "SELECT status FROM mappings WHERE id = $1", mapping_id
        )
        return None if status is None else MappingStatus(status)

    async def find_unfinished(self, mapping_id: UUID) -> Unfinished | None:
        """See Journal."""
        row = await self._database.fetchrow(
            """
            SELECT id, owner_id, external_id, thing_ids, channel_ids, has_config,
                   has_certificates, goal, keep_channels
            FROM mappings
            WHERE id = $1 AND status IN ('undoing', 'stuck')
            """,
            mapping_id,
        )
        return None if row is None else _unfinished(row)

    async def find_in_the_way(self, plan: Plan) -> list[Unfinished]:
        """See Journal."""
        rows = await self._database.fetch(
            # Found by the gateway: see PostgresRecords.
            """
            UPDATE mappings
            SET status = CASE status WHEN 'broken' THEN 'undoing' ELSE status END,
                reason = CASE status WHEN 'broken' THEN 'replaced' ELSE reason END,
                goal = coalesce(goal, 'deleted'), lease_until = now() + $3, updated_at = now()
            WHERE id = ANY (ARRAY(
                SELECT of_gateway.id
                FROM (
                    SELECT id, owner_id, claim_key FROM mappings WHERE external_id = $2 OFFSET 0
                ) AS of_gateway
                WHERE of_gateway.owner_id = $1 AND of_gateway.claim_key IS NULL
            )) AND status IN ('broken', 'undoing', 'stuck')
            RETURNING id, owner_id, external_id, thing_ids, channel_ids, has_config,
                      has_certificates, goal, keep_channels
            """,
            plan.owner_id,
            plan.gateway.external_id,
            self._lease,
        )
        return [_unfinished(row) for row in rows]

    async def close(self, plan: Plan, steps: Collection[StepReport]) -> bool:
        """See Journal."""
        closed = Closed(
            id=plan.mapping_id,
            steps=steps,
            announcement=announcement(
                MappingActive(
                    mapping_id=plan.mapping_id,
                    owner_id=plan.owner_id,
                    external_id=plan.gateway.external_id,
                )
            ),
        )
        return await self._writes.close(closed) or await self._close_hurt(plan)

    async def _close_hurt(self, plan: Plan) -> bool:
        """Close a mapping of which a part was taken away while the rest was being made."""
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE mappings
                SET status = 'broken', claim_key = NULL, updated_at = now()
                WHERE id = $1 AND status = 'running' AND is_hurt
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            plan.mapping_id,
            event=MappingBroken(mapping_id=plan.mapping_id),
        )
        return row is not None

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        """See Journal."""
        changed = await self._outbox.fetchrow(
            """
            WITH changed AS (
                UPDATE mappings
                SET status = 'undoing', goal = 'undone', reason = $2, lease_until = now() + $3,
                    updated_at = now()
                WHERE id = $1 AND status = 'running'
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            mapping_id,
            reason,
            self._lease,
            event=MappingFailed(mapping_id=mapping_id, reason=reason),
        )
        return changed is not None

    async def start_removal(self, mapping_id: UUID, *, keep_channels: bool) -> Unfinished | None:
        """See Journal."""
        row = await self._removals.start(Removal(mapping_id, keep_channels))
        return None if row is None else _unfinished(row)

    async def finish_undo(self, unfinished: Unfinished) -> None:
        """See Journal."""
        kind = MappingDeleted if unfinished.goal is Goal.DELETED else MappingUndone
        event: Event = kind(
            mapping_id=unfinished.mapping_id,
            owner_id=unfinished.owner_id,
            external_id=unfinished.external_id,
        )
        await self._removals.finish(Finished(unfinished.mapping_id, announcement(event)))

    async def mark_stuck(self, unfinished: Unfinished, reason: str) -> None:
        """See Journal."""
        await self._outbox.fetch(
            """
            WITH changed AS (
                UPDATE mappings SET status = 'stuck', reason = $2, updated_at = now()
                WHERE id = $1 AND status = 'undoing'
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            unfinished.mapping_id,
            reason,
            event=MappingStuck(
                mapping_id=unfinished.mapping_id,
                owner_id=unfinished.owner_id,
                external_id=unfinished.external_id,
                reason=reason,
            ),
        )

    async def mark_broken(self, mapping_id: UUID) -> None:
        """See Journal."""
        # One that is still running notices when it is closed.
        await self._outbox.fetch(
            """
            WITH hurt AS (
                UPDATE mappings
                SET is_hurt = true, updated_at = now(),
                    status = CASE status WHEN 'active' THEN 'broken' ELSE status END,
                    claim_key = CASE status WHEN 'active' THEN NULL ELSE claim_key END
                WHERE id = $1 AND status IN ('active', 'running')
                RETURNING id, status
            ), changed AS (
                SELECT id FROM hurt WHERE status = 'broken'
            ){announcing}
            SELECT id FROM changed
            """,
            mapping_id,
            event=MappingBroken(mapping_id=mapping_id),
        )

    async def mark_things_gone(self, thing_ids: Collection[UUID]) -> None:
        """See Journal."""
        rows = await self._database.fetch(
            # Most often they are gone because their mapping is being taken back. Planned once:
            # ADR 19.
            """
            SELECT DISTINCT mapping_id
            FROM mapping_things JOIN mappings ON mappings.id = mapping_things.mapping_id
            WHERE thing_id = ANY ((SELECT $1::uuid[])::uuid[])
              AND status IN ('active', 'running')
            """,
            list(thing_ids),
        )
        for row in rows:
            await self.mark_broken(row["mapping_id"])

    async def wipe_keys(self, thing_id: UUID) -> None:
        """See Journal."""
        await self._database.execute(
            """
            UPDATE mappings SET sealed_keys = NULL
            WHERE sealed_keys IS NOT NULL
              AND id IN (SELECT mapping_id FROM mapping_things WHERE thing_id = $1)
            """,
            thing_id,
        )

    async def lease_abandoned(self, limit: int) -> list[Unfinished]:
        """See Journal."""

        async def take_over(connection: Connection) -> list[asyncpg.Record]:
            rows = await connection.fetch(
                """
                UPDATE mappings
                SET lease_until = now() + $2, updated_at = now(),
                    status = CASE earlier.status WHEN 'running' THEN 'undoing'
                             ELSE earlier.status END,
                    goal = CASE earlier.status WHEN 'running' THEN 'undone' ELSE goal END,
                    reason = CASE earlier.status WHEN 'running' THEN 'abandoned' ELSE reason END
                FROM (
                    SELECT id, status FROM mappings
                    WHERE status IN ('running', 'undoing', 'stuck') AND lease_until < now()
                    ORDER BY lease_until LIMIT $1
                    FOR UPDATE SKIP LOCKED
                ) AS earlier
                WHERE mappings.id = earlier.id
                RETURNING mappings.id, owner_id, external_id, thing_ids, channel_ids, has_config,
                          has_certificates, goal, keep_channels,
                          earlier.status = 'running' AS was_running
                """,
                limit,
                self._lease,
            )
            for row in rows:
                if row["was_running"]:
                    failed = MappingFailed(mapping_id=row["id"], reason="abandoned")
                    await self._outbox.append(connection, failed)
            return rows

        rows = await self._database.transact(take_over)
        self._outbox.written.set()
        return [_unfinished(row) for row in rows]

    async def extend_leases(self, mapping_ids: Collection[UUID]) -> None:
        """See Journal."""
        await self._database.execute(
            # In order, as those are locked that are finished in groups.
            """
            WITH held AS (
                SELECT id FROM mappings WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE mappings SET lease_until = now() + $2 FROM held WHERE mappings.id = held.id
            """,
            list(mapping_ids),
            self._lease,
        )

    async def count_stuck(self) -> int:
        """See Journal."""
        return int(
            await self._database.fetchval("SELECT count(*) FROM mappings WHERE status = 'stuck'")
        )

    def _mapping(self, row: asyncpg.Record) -> Mapping:
        context = row["id"].bytes
        plan = unpacked(self._sealer.open(row["sealed_plan"], context), Plan)
        if row["sealed_keys"] is not None:
            keys = unpacked(self._sealer.open(row["sealed_keys"], context), dict[UUID, str])
            plan = msgspec.structs.replace(plan, private_keys=keys)
        return Mapping(
            status=MappingStatus(row["status"]), fingerprint=row["fingerprint"], plan=plan
        )


def _unfinished(row: asyncpg.Record) -> Unfinished:
    return Unfinished(
        mapping_id=row["id"],
        owner_id=row["owner_id"],
        external_id=row["external_id"],
        thing_ids=row["thing_ids"],
        channel_ids=row["channel_ids"],
        has_config=row["has_config"],
        has_certificates=row["has_certificates"],
        goal=Goal(row["goal"]),
        keep_channels=row["keep_channels"],
    )
