"""What peers may know of any certificate."""

from __future__ import annotations

from datetime import datetime

from services.certs.domain import KnownRevocations, Reason, Revocation, SignedList, Standing
from shared.postgres.pool import Database


class StatusRepository:
    """See `Statuses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_standing(self, serial: bytes, authority_id: bytes, moment: datetime) -> Standing:
        row = await self._database.fetchrow(
            """
            SELECT revoked_at, reason
            FROM certificates
            WHERE serial = $1 AND authority_id = $2
            """,
            serial,
            authority_id,
        )
        if row is None:
            return Standing(is_known=False)
        revocation = None
        if row["revoked_at"] is not None and row["revoked_at"] <= moment:
            revocation = Revocation(serial, row["revoked_at"], Reason(row["reason"]))
        return Standing(is_known=True, revocation=revocation)

    async def known_revocations(self, authority_id: bytes, moment: datetime) -> KnownRevocations:
        row = await self._database.fetchrow(
            """
            SELECT count(*) AS count, max(revoked_at) AS newest
            FROM certificates
            WHERE authority_id = $1 AND revoked_at <= $2 AND expires_at > $2
            """,
            authority_id,
            moment,
        )
        assert row is not None  # noqa: S101 - an aggregate has a row
        return KnownRevocations(row["count"], row["newest"])

    async def list_revocations(self, authority_id: bytes, moment: datetime) -> list[Revocation]:
        rows = await self._database.fetch(
            """
            SELECT serial, revoked_at, reason
            FROM certificates
            WHERE authority_id = $1 AND revoked_at <= $2 AND expires_at > $2
            ORDER BY revoked_at, serial
            """,
            authority_id,
            moment,
        )
        return [Revocation(row["serial"], row["revoked_at"], Reason(row["reason"])) for row in rows]

    async def find_list(self, authority_id: bytes) -> SignedList | None:
        row = await self._database.fetchrow(
            """
            SELECT number, signed_at, content, count, newest
            FROM revocation_lists
            WHERE authority_id = $1
            """,
            authority_id,
        )
        if row is None:
            return None
        return SignedList(
            number=row["number"],
            signed_at=row["signed_at"],
            content=row["content"],
            known=KnownRevocations(row["count"], row["newest"]),
        )

    async def insert_list(self, authority_id: bytes, signed: SignedList) -> bool:
        kept = await self._database.fetchval(
            """
            INSERT INTO revocation_lists AS kept
                (authority_id, number, signed_at, content, count, newest)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (authority_id) DO UPDATE
            SET number = excluded.number, signed_at = excluded.signed_at,
                content = excluded.content, count = excluded.count, newest = excluded.newest
            WHERE kept.number < excluded.number
            RETURNING true
            """,
            authority_id,
            signed.number,
            signed.signed_at,
            signed.content,
            signed.known.count,
            signed.known.newest,
        )
        return bool(kept)
