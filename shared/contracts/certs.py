"""Certificates: what a thing proves itself with where a secret is not enough."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.clock import Timestamp
from shared.contracts.events import Event
from shared.http.paging import Page

Serial = Annotated[str, Meta(description="Hex bytes joined by colons.")]
Lifetime = Annotated[str, Meta(description="Duration as Go writes it, for example 2400h.")]
RequestText = Annotated[
    str, Meta(max_length=16384, description="Certificate request in PEM; its subject is ignored.")
]
KeyType = Annotated[
    Literal["", "ecdsa", "rsa"], Meta(description="Of a key made here; the service's if empty.")
]


class IssueBody(Struct, frozen=True, kw_only=True):
    """A certificate for a thing; without `csr`, a key pair is made for it too."""

    thing_id: str = ""
    ttl: Lifetime = ""
    csr: RequestText = ""
    key_type: KeyType = ""
    key_bits: Annotated[int, Meta(description="0 for the usual size.")] = 0


class RenewBody(Struct, frozen=True, kw_only=True):
    """How a certificate is to be renewed."""

    ttl: Annotated[Lifetime, Meta(description="As long as before, if empty.")] = ""
    csr: RequestText = ""
    key_type: KeyType = ""
    key_bits: int = 0


class CertificateBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate in PEM.

    Attributes:
        client_key: Only in the answer to the request that made it; never stored.
        ca_cert: Of the authority that signed it, followed by those above it.
        revocation_time: Absent unless it is or will be revoked.
    """

    thing_id: UUID
    client_cert: str
    client_key: str
    cert_serial: Serial
    expiration: Timestamp
    ca_cert: str
    revocation_time: Timestamp | None = None


class CertificateSummaryBody(Struct, frozen=True, kw_only=True):
    """A certificate in a list, without its content."""

    thing_id: UUID
    client_cert: str = ""
    client_key: str = ""
    cert_serial: Serial
    expiration: Timestamp


class SerialsPage(Struct, frozen=True, kw_only=True):
    """A part of a list of certificates, those first that expire first."""

    total: int
    offset: int
    limit: int
    certs: list[CertificateSummaryBody]
    serials: list[Serial]


class CertificatesQuery(Page, frozen=True, kw_only=True):
    """Which certificates are wanted."""

    expires_before: Annotated[str, Meta(description="RFC 3339 time; all if empty.")] = ""


class RevokedBody(Struct, frozen=True, kw_only=True):
    """When what was named was revoked."""

    revocation_time: Timestamp


class FormatQuery(Struct, frozen=True, kw_only=True):
    """In which form something is wanted."""

    format: Annotated[
        Literal["", "pem", "der"], Meta(description="The usual one of the route, if empty.")
    ] = ""


class SetCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that a mapping wants, under the serial it has chosen."""

    thing_id: UUID
    serial: Serial
    csr: RequestText
    ttl: Lifetime


class SetCertificatesBody(Struct, frozen=True, kw_only=True):
    """All certificates of a mapping."""

    certificates: list[SetCertificate]


class WithdrawCertificatesBody(Struct, frozen=True):
    """Mappings of one user whose certificates are to be revoked."""

    mapping_ids: Annotated[list[UUID], Meta(min_length=1, max_length=64)]


class SignedCertificate(Struct, frozen=True, kw_only=True):
    """A thing's living certificate, in PEM."""

    thing_id: UUID
    serial: Serial
    client_cert: str


class SignedSetBody(Struct, frozen=True, kw_only=True):
    """The living certificates of a mapping's things."""

    certificates: list[SignedCertificate]
    ca_cert: str


class CertificateName(Struct, frozen=True, kw_only=True):
    """Which certificate of which thing."""

    serial: str
    thing_id: UUID


class CertificateIssued(Event, frozen=True, kw_only=True):
    """Certificates were signed, by one call."""

    subject = "events.certs.certificate.issued"

    owner_id: UUID
    certificates: list[CertificateName]


class CertificateRenewed(Event, frozen=True, kw_only=True):
    """A certificate has a successor and is good for a while longer."""

    subject = "events.certs.certificate.renewed"

    owner_id: UUID
    thing_id: UUID
    serial: str
    replaces: str


class CertificateRevoked(Event, frozen=True, kw_only=True):
    """Certificates are no longer good, by one cause.

    Attributes:
        reason: In the words of RFC 5280.
    """

    subject = "events.certs.certificate.revoked"

    certificates: list[CertificateName]
    reason: str
