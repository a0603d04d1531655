"""The journal of mappings in PostgreSQL.

The plan is written before the first call to another service and the close after the last one;
both are enough for anyone to finish or undo a mapping later. Plans and answers hold secrets and
are sealed.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import asyncpg
import msgspec

from services.provision.domain import Mapping, MappingStatus, StepReport
from services.provision.plan import Plan
from shared.contracts.provision import MappingActive, MappingAnswerBody, MappingUndone
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database
from shared.sealing import Sealer

T = TypeVar("T")

# Longer than a request may take, so that recovery never works beside a living worker.
_LEASE = "90 seconds"
_COLUMNS = (
    "id, owner_id, external_id, fingerprint, claims, status, sealed_plan, sealed_answer, created_at"
)


class PostgresJournal:
    """Implements `ports.Journal`.

    Args:
        master_key: From which the keys of plans and fingerprints are derived.
    """

    def __init__(self, database: Database, outbox: Outbox, master_key: bytes) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = Sealer(master_key, "provision/plan")

    def fingerprint(self, plan: Plan) -> bytes:
        """See Journal."""
        gateway = plan.gateway
        told = (str(plan.owner_id), gateway.external_id, gateway.external_key, gateway.name)
        return self._sealer.fingerprint(msgspec.json.encode(told))

    async def claim(self, plan: Plan, *, claims: bool) -> Mapping | None:
        """See Journal."""
        while True:
            row = await self._database.fetchrow(
                f"""
                WITH claimed AS (
                    INSERT INTO mappings (id, owner_id, external_id, fingerprint, claims, status,
                                          sealed_plan, lease_until)
                    VALUES ($1, $2, $3, $4, $5, 'running', $6, now() + interval '{_LEASE}')
                    ON CONFLICT (external_id) WHERE claims DO NOTHING
                    RETURNING {_COLUMNS}
                )
                SELECT {_COLUMNS} FROM claimed
                UNION ALL
                SELECT {_COLUMNS} FROM mappings WHERE external_id = $3 AND claims
                LIMIT 1
                """,  # noqa: S608 - constants of this module
                plan.mapping_id,
                plan.owner_id,
                plan.gateway.external_id,
                self.fingerprint(plan),
                claims,
                self._seal(plan.mapping_id, plan),
            )
            if row is not None:
                return None if row["id"] == plan.mapping_id else self._mapping(row)
            # The claim that stood in the way was given up between the two looks.

    async def close(self, plan: Plan, answer: MappingAnswerBody, steps: list[StepReport]) -> None:
        """See Journal."""
        await self._outbox.fetch(
            """
            WITH changed AS (
                UPDATE mappings
                SET status = 'active', sealed_answer = $2, steps = $3, updated_at = now()
                WHERE id = $1 AND status = 'running'
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            plan.mapping_id,
            self._seal(plan.mapping_id, answer),
            msgspec.to_builtins(steps),
            event=MappingActive(
                mapping_id=plan.mapping_id,
                owner_id=plan.owner_id,
                external_id=plan.gateway.external_id,
            ),
        )

    async def start_undo(self, mapping_id: UUID, reason: str) -> bool:
        """See Journal."""
        changed = await self._database.fetchval(
            """
            UPDATE mappings SET status = 'undoing', reason = $2, updated_at = now()
            WHERE id = $1 AND status = 'running'
            RETURNING true
            """,
            mapping_id,
            reason,
        )
        return bool(changed)

    async def finish_undo(self, plan: Plan) -> None:
        """See Journal."""
        await self._outbox.fetch(
            """
            WITH changed AS (
                UPDATE mappings
                SET status = 'undone', claims = false, sealed_plan = NULL, updated_at = now()
                WHERE id = $1 AND status = 'undoing'
                RETURNING id
            ){announcing}
            SELECT id FROM changed
            """,
            plan.mapping_id,
            event=MappingUndone(
                mapping_id=plan.mapping_id,
                owner_id=plan.owner_id,
                external_id=plan.gateway.external_id,
            ),
        )

    async def lease_abandoned(self, limit: int) -> list[Plan]:
        """See Journal."""
        rows = await self._database.fetch(
            f"""
            UPDATE mappings
            SET status = 'undoing', lease_until = now() + interval '{_LEASE}', updated_at = now(),
                reason = CASE status WHEN 'running' THEN 'abandoned' ELSE reason END
            WHERE id IN (
                SELECT id FROM mappings
                WHERE status IN ('running', 'undoing') AND lease_until < now()
                ORDER BY lease_until LIMIT $1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id, sealed_plan
            """,  # noqa: S608 - constants of this module
            limit,
        )
        return [self._open(row["id"], row["sealed_plan"], Plan) for row in rows]

    async def extend_lease(self, mapping_id: UUID) -> None:
        """See Journal."""
        await self._database.execute(
            f"UPDATE mappings SET lease_until = now() + interval '{_LEASE}' WHERE id = $1",  # noqa: S608
            mapping_id,
        )

    def _mapping(self, row: asyncpg.Record) -> Mapping:
        answer = None
        if row["sealed_answer"] is not None:
            answer = self._open(row["id"], row["sealed_answer"], MappingAnswerBody)
        return Mapping(
            id=row["id"],
            owner_id=row["owner_id"],
            external_id=row["external_id"],
            fingerprint=row["fingerprint"],
            claims=row["claims"],
            status=MappingStatus(row["status"]),
            gateway=self._open(row["id"], row["sealed_plan"], Plan).gateway,
            answer=answer,
            created_at=row["created_at"],
        )

    def _seal(self, mapping_id: UUID, value: msgspec.Struct) -> bytes:
        return self._sealer.seal(msgspec.json.encode(value), mapping_id.bytes)

    def _open(self, mapping_id: UUID, sealed: bytes, kind: type[T]) -> T:
        return msgspec.json.decode(self._sealer.open(sealed, mapping_id.bytes), type=kind)
