"""Certificates as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import asyncpg

from services.certs.domain import Certificate, Reason
from shared.contracts.certs import CertificateName, CertificateRevoked
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection

COLUMNS = """
    serial, thing_id, owner_id, issued_by, mapping_id, authority_id, content, created_at,
    expires_at, revoked_at, reason, replaced_by
"""


def certificate_of(row: asyncpg.Record) -> Certificate:
    """The certificate in a row with COLUMNS."""
    members = {name: row[name] for name in Certificate.__struct_fields__}
    return Certificate(**members | {"reason": Reason(row["reason"]) if row["reason"] else None})


def arrays(certificates: Collection[Certificate]) -> tuple[list[Any], ...]:
    """New certificates column by column: serial, thing, owner, authority, content, times."""
    return (
        [one.serial for one in certificates],
        [one.thing_id for one in certificates],
        [one.owner_id for one in certificates],
        [one.authority_id for one in certificates],
        [one.content for one in certificates],
        [one.created_at for one in certificates],
        [one.expires_at for one in certificates],
    )


def names(certificates: Iterable[Certificate]) -> list[CertificateName]:
    """How events call them."""
    return [
        CertificateName(serial=one.serial.hex(":"), thing_id=one.thing_id) for one in certificates
    ]


async def announce_revoked(
    connection: Connection, rows: Collection[asyncpg.Record], reason: Reason
) -> None:
    """Tell that the certificates in rows with serial and thing_id are no longer good."""
    if rows:
        await Outbox.append(connection, revoked(rows, reason))


def revoked(rows: Iterable[asyncpg.Record], reason: Reason) -> CertificateRevoked:
    """What is told of such certificates."""
    certificates = [
        CertificateName(serial=row["serial"].hex(":"), thing_id=row["thing_id"]) for row in rows
    ]
    return CertificateRevoked(certificates=certificates, reason=reason)
