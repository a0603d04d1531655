"""Between wire types and the domain's."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.certs.domain import (
    Certificate,
    InvalidKeyKind,
    InvalidSerial,
    Issued,
    SetWish,
    Wish,
    serial_from,
)
from shared.clock import timestamp
from shared.contracts.certs import (
    CertificateBody,
    CertificateSummaryBody,
    IssueBody,
    RenewBody,
    SerialsPage,
    SetCertificate,
    SignedCertificate,
    SignedSetBody,
)
from shared.errors import InvalidInput
from shared.http.paging import Page
from shared.pki import KeyKind, key_kind


def wish_from(body: IssueBody | RenewBody, usual: KeyKind) -> Wish:
    """What is asked for; raises InvalidKeyKind."""
    kind = usual
    if body.key_type or body.key_bits:
        try:
            kind = key_kind(body.key_type, body.key_bits)
        except ValueError as error:
            raise InvalidKeyKind(str(error)) from None
    return Wish(ttl=body.ttl, request=body.csr, key_kind=kind)


def set_wish_from(wanted: SetCertificate) -> SetWish:
    """What a mapping asks for; raises InvalidSerial."""
    serial = serial_from(wanted.serial)
    if serial is None or serial[0] == 0:
        raise InvalidSerial
    return SetWish(thing_id=wanted.thing_id, serial=serial, request=wanted.csr, ttl=wanted.ttl)


def moment_from(text: str) -> datetime | None:
    """A time of a query, None for an empty one; raises InvalidInput."""
    if not text:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise InvalidInput("expires_before is not an RFC 3339 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def issued_body(issued: Issued, chain: str) -> CertificateBody:
    """A new certificate, with the private key if there is one."""
    return certificate_body(issued.certificate, chain, private_key=issued.private_key)


def certificate_body(
    certificate: Certificate, chain: str, *, private_key: str = ""
) -> CertificateBody:
    """A certificate as its user sees it."""
    revoked_at = certificate.revoked_at
    return CertificateBody(
        thing_id=certificate.thing_id,
        client_cert=pem_of(certificate.content),
        client_key=private_key,
        cert_serial=certificate.serial.hex(":"),
        expiration=timestamp(certificate.expires_at),
        ca_cert=chain,
        revocation_time=None if revoked_at is None else timestamp(revoked_at),
    )


def serials_page(total: int, page: Page, certificates: Sequence[Certificate]) -> SerialsPage:
    """A part of a list; clients of different ages read `certs` or `serials`."""
    return SerialsPage(
        total=total,
        offset=page.offset,
        limit=page.limit,
        certs=[
            CertificateSummaryBody(
                thing_id=one.thing_id,
                cert_serial=one.serial.hex(":"),
                expiration=timestamp(one.expires_at),
            )
            for one in certificates
        ],
        serials=[one.serial.hex(":") for one in certificates],
    )


def signed_set_body(certificates: Sequence[Certificate], chain: str) -> SignedSetBody:
    """The living certificates of a mapping."""
    return SignedSetBody(
        certificates=[
            SignedCertificate(
                thing_id=one.thing_id,
                serial=one.serial.hex(":"),
                client_cert=pem_of(one.content),
            )
            for one in certificates
        ],
        ca_cert=chain,
    )


def pem_of(certificate: bytes) -> str:
    """DER as text."""
    return ssl.DER_cert_to_PEM_cert(certificate)


def list_pem_of(revocation_list: bytes) -> bytes:
    """The same of a revocation list."""
    return x509.load_der_x509_crl(revocation_list).public_bytes(Encoding.PEM)
