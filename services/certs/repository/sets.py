"""The certificates of mappings."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from services.certs.domain import Certificate, CertificateSet, Reason, SerialTaken
from services.certs.repository.rows import (
    COLUMNS,
    announce_revoked,
    arrays,
    certificate_of,
    names,
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

    async def withdraw(self, mapping_id: UUID, owner_id: UUID, moment: datetime) -> bool:
        """Two statements: the first waits for an apply on its way, the second sees what it made."""

        async def work(connection: Connection) -> bool:
            is_owners = await connection.fetchval(
                """
                INSERT INTO certificate_sets AS known
                    (mapping_id, owner_id, created_at, withdrawn_at)
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
            rows = await connection.fetch(
                """
                UPDATE certificates
                SET revoked_at = least(revoked_at, $2), reason = 'cessation_of_operation',
                    is_announced = true
                WHERE mapping_id = $1 AND (revoked_at IS NULL OR NOT is_announced)
                RETURNING serial, thing_id
                """,
                mapping_id,
                moment,
            )
            await announce_revoked(connection, rows, Reason.CESSATION_OF_OPERATION)
            return True

        is_owners = await self._database.transact(work)
        self._outbox.written.set()
        return is_owners
