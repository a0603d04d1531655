"""The certificates of mappings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from services.certs.domain import Certificate, CertificateSet, Reason, SerialTaken
from services.certs.repository.rows import (
    COLUMNS,
    arrays,
    certificate_of,
    names,
    revoked,
)
from shared.contracts.certs import CertificateIssued
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database


class SetRepository:
    """See `CertificateSets`.

    The mapping's row decides who was first: who inserts it keeps the certificates in the same
    statement, and everybody else waits for that statement's end.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(
        self,
        mapping_id: UUID,
        owner_id: UUID,
        certificates: Collection[Certificate],
        moment: datetime,
    ) -> bool:
        try:
            row = await self._outbox.fetchrow(
                """
                WITH changed AS (
                    INSERT INTO certificate_sets (mapping_id, owner_id, created_at)
                    VALUES ($1, $2, $3)
                    ON CONFLICT DO NOTHING
                    RETURNING mapping_id, owner_id
                ), made AS (
                    INSERT INTO certificates (serial, thing_id, owner_id, issued_by, mapping_id,
                                              authority_id, content, created_at, expires_at)
                    SELECT made.serial, made.thing_id, made.owner_id, changed.owner_id,
                           changed.mapping_id, made.authority_id, made.content, made.created_at,
                           made.expires_at
                    FROM changed,
                         unnest($4::bytea[], $5::uuid[], $6::uuid[], $7::bytea[], $8::bytea[],
                                $9::timestamptz[], $10::timestamptz[])
                             AS made (serial, thing_id, owner_id, authority_id, content,
                                      created_at, expires_at)
                ){announcing}
                SELECT mapping_id FROM changed
                """,
                mapping_id,
                owner_id,
                moment,
                *arrays(certificates),
                event=CertificateIssued(owner_id=owner_id, certificates=names(certificates)),
            )
        except asyncpg.UniqueViolationError:
            raise SerialTaken from None
        return row is not None

    async def find(self, mapping_id: UUID) -> CertificateSet | None:
        rows = await self._database.fetch(
            f"""
            SELECT known.owner_id AS owner_of_set, known.withdrawn_at IS NOT NULL AS is_withdrawn,
                   living.*
            FROM certificate_sets AS known
            LEFT JOIN (
                SELECT {COLUMNS}
                FROM certificates
                WHERE mapping_id = $1 AND revoked_at IS NULL
            ) AS living ON true
            WHERE known.mapping_id = $1
            ORDER BY living.created_at, living.serial
            """,  # noqa: S608 - a list of columns
            mapping_id,
        )
        if not rows:
            return None
        return CertificateSet(
            owner_id=rows[0]["owner_of_set"],
            is_withdrawn=rows[0]["is_withdrawn"],
            certificates=[certificate_of(row) for row in rows if row["serial"] is not None],
        )

    async def withdraw(
        self, mapping_ids: Collection[UUID], owner_id: UUID, moment: datetime
    ) -> set[UUID]:
        """Two statements: the first waits for applies on their way, the second sees what they made.

        Mappings go in order, so that two withdrawals of the same ones do not wait for each other.
        """

        async def work(connection: Connection) -> set[UUID]:
            claimed = await connection.fetch(
                """
                INSERT INTO certificate_sets AS known
                    (mapping_id, owner_id, created_at, withdrawn_at)
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
            own = {row["mapping_id"] for row in claimed}
            rows = await connection.fetch(
                """
                UPDATE certificates
                SET revoked_at = least(revoked_at, $2), reason = 'cessation_of_operation',
                    is_announced = true
                WHERE mapping_id = ANY ($1::uuid[]) AND (revoked_at IS NULL OR NOT is_announced)
                RETURNING mapping_id, serial, thing_id
                """,
                list(own),
                moment,
            )
            by_mapping: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
            for row in rows:
                by_mapping[row["mapping_id"]].append(row)
            await self._outbox.append_all(
                connection,
                [revoked(each, Reason.CESSATION_OF_OPERATION) for each in by_mapping.values()],
            )
            return own

        own = await self._database.transact(work)
        self._outbox.written.set()
        return own
