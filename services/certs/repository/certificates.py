"""Users' certificates."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.certs.domain import Certificate, Reason
from services.certs.repository.rows import COLUMNS, announce_revoked, certificate_of, names
from shared.contracts.certs import CertificateIssued, CertificateRenewed
from shared.http.paging import Page
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database


class CertificateRepository:
    """See `Certificates`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def insert(self, certificate: Certificate) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH changed AS (
                INSERT INTO certificates (serial, thing_id, owner_id, issued_by, authority_id,
                                          content, created_at, expires_at)
                SELECT $1, $2, $3, $4, $5, $6, $7, $8
                WHERE NOT EXISTS (
                    SELECT FROM stopped_things WHERE thing_id = $2 AND stopped_at >= $7
                )
                RETURNING serial
            ){announcing}
            SELECT serial FROM changed
            """,
            certificate.serial,
            certificate.thing_id,
            certificate.owner_id,
            certificate.issued_by,
            certificate.authority_id,
            certificate.content,
            certificate.created_at,
            certificate.expires_at,
            event=CertificateIssued(
                owner_id=certificate.owner_id, certificates=names([certificate])
            ),
        )
        return row is not None

    async def find(self, serial: bytes, user_id: UUID) -> Certificate | None:
        row = await self._database.fetchrow(
            f"""
            SELECT {COLUMNS}
            FROM certificates
            WHERE serial = $1 AND $2 IN (owner_id, issued_by)
            """,  # noqa: S608 - a list of columns
            serial,
            user_id,
        )
        return None if row is None else certificate_of(row)

    async def list_of_thing(
        self, thing_id: UUID, user_id: UUID, page: Page, moment: datetime
    ) -> tuple[int, list[Certificate]]:
        rows = await self._database.fetch(
            f"""
            WITH matches AS (
                SELECT {COLUMNS}
                FROM certificates
                WHERE thing_id = $1 AND $2 IN (owner_id, issued_by)
                  AND (revoked_at IS NULL OR revoked_at > $3)
            ), page AS (
                SELECT {COLUMNS} FROM matches ORDER BY expires_at, serial OFFSET $4 LIMIT $5
            )
            SELECT (SELECT count(*) FROM matches) AS total, {COLUMNS}
            FROM (VALUES (true)) AS always LEFT JOIN page ON true
            ORDER BY expires_at, serial
            """,  # noqa: S608 - a list of columns
            thing_id,
            user_id,
            moment,
            page.offset,
            page.limit,
        )
        return _page(rows)

    async def list_expiring(
        self, user_id: UUID, before: datetime | None, page: Page
    ) -> tuple[int, list[Certificate]]:
        rows = await self._database.fetch(
            f"""
            WITH matches AS (
                SELECT {COLUMNS}
                FROM certificates
                WHERE (owner_id = $1 OR (issued_by = $1 AND issued_by <> owner_id))
                  AND revoked_at IS NULL
                  AND ($2::timestamptz IS NULL OR expires_at < $2)
            ), page AS (
                SELECT {COLUMNS} FROM matches ORDER BY expires_at, serial OFFSET $3 LIMIT $4
            )
            SELECT (SELECT count(*) FROM matches) AS total, {COLUMNS}
            FROM (VALUES (true)) AS always LEFT JOIN page ON true
            ORDER BY expires_at, serial
            """,  # noqa: S608 - a list of columns
            user_id,
            before,
            page.offset,
            page.limit,
        )
        return _page(rows)

    async def revoke(self, serial: bytes, user_id: UUID, moment: datetime) -> bool:
        return await self._revoke("serial = $1", serial, user_id, moment)

    async def revoke_of_thing(self, thing_id: UUID, user_id: UUID, moment: datetime) -> bool:
        return await self._revoke("thing_id = $1", thing_id, user_id, moment)

    async def replace(
        self, replaced: bytes, successor: Certificate, user_id: UUID, good_until: datetime
    ) -> bool:
        row = await self._outbox.fetchrow(
            """
            WITH replaced AS (
                UPDATE certificates
                SET replaced_by = $1, revoked_at = $11, reason = 'superseded'
                WHERE serial = $9 AND $10 IN (owner_id, issued_by)
                  AND replaced_by IS NULL AND revoked_at IS NULL
                  AND NOT EXISTS (
                      SELECT FROM stopped_things WHERE thing_id = $2 AND stopped_at >= $7
                  )
                RETURNING mapping_id
            ), changed AS (
                INSERT INTO certificates (serial, thing_id, owner_id, issued_by, authority_id,
                                          content, created_at, expires_at, mapping_id)
                SELECT $1, $2, $3, $4, $5, $6, $7, $8, mapping_id FROM replaced
                RETURNING serial
            ){announcing}
            SELECT serial FROM changed
            """,
            successor.serial,
            successor.thing_id,
            successor.owner_id,
            successor.issued_by,
            successor.authority_id,
            successor.content,
            successor.created_at,
            successor.expires_at,
            replaced,
            user_id,
            good_until,
            event=CertificateRenewed(
                owner_id=successor.owner_id,
                thing_id=successor.thing_id,
                serial=successor.serial.hex(":"),
                replaces=replaced.hex(":"),
            ),
        )
        return row is not None

    async def _revoke(
        self, condition: str, value: bytes | UUID, user_id: UUID, moment: datetime
    ) -> bool:
        async def work(connection: Connection) -> bool:
            rows = await connection.fetch(
                f"""
                UPDATE certificates
                SET revoked_at = least(revoked_at, $3), reason = 'unspecified', is_announced = true
                WHERE {condition} AND $2 IN (owner_id, issued_by)
                  AND (revoked_at IS NULL OR NOT is_announced)
                RETURNING serial, thing_id
                """,  # noqa: S608 - one of two conditions above
                value,
                user_id,
                moment,
            )
            await announce_revoked(connection, rows, Reason.UNSPECIFIED)
            return bool(rows)

        is_done = await self._database.transact(work)
        self._outbox.written.set()
        return is_done


def _page(rows: list[asyncpg.Record]) -> tuple[int, list[Certificate]]:
    return rows[0]["total"], [certificate_of(row) for row in rows if row["serial"] is not None]
