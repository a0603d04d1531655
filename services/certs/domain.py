"""Certificates and what can be wrong with them; no input or output."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from shared.errors import Conflict, Forbidden, InvalidInput, NotFound
from shared.pki import SERIAL_BYTES, KeyKind


class Reason(StrEnum):
    """Why a certificate is no longer good (RFC 5280, section 5.3.1)."""

    UNSPECIFIED = "unspecified"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate that was signed here.

    Attributes:
        owner_id: Who owns its thing.
        issued_by: Who has asked for it.
        mapping_id: The mapping it belongs to, also when it was renewed by hand.
        authority_id: Of the authority that signed it.
        content: DER.
        created_at: Before anything was looked up for it; news that are older do not concern it.
        revoked_at: When it stops being good; in the future once it has been renewed.
        replaced_by: Serial of its successor.
    """

    serial: bytes
    thing_id: UUID
    owner_id: UUID
    issued_by: UUID
    mapping_id: UUID | None = None
    authority_id: bytes
    content: bytes
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    reason: Reason | None = None
    replaced_by: bytes | None = None


class Issued(Struct, frozen=True):
    """A new certificate, and the private key if it was made here."""

    certificate: Certificate
    private_key: str


class Wish(Struct, frozen=True, kw_only=True):
    """What a certificate is asked for with.

    Attributes:
        ttl: Duration as Go writes it.
        request: A certificate request in PEM; empty to have a key pair made.
        key_kind: Of that key pair.
    """

    ttl: str
    request: str = ""
    key_kind: KeyKind


class SetWish(Struct, frozen=True, kw_only=True):
    """What a mapping asks for: a thing's certificate under a serial it has chosen."""

    thing_id: UUID
    serial: bytes
    request: str
    ttl: str


class Revocation(Struct, frozen=True):
    """A line of the revocation list."""

    serial: bytes
    revoked_at: datetime
    reason: Reason


class Standing(Struct, frozen=True):
    """What peers are told of one certificate.

    Attributes:
        is_known: Whether the authority has signed it.
        revocation: None while it is good.
    """

    is_known: bool
    revocation: Revocation | None = None


class KnownRevocations(Struct, frozen=True):
    """How many certificates are on the list, and when the last one came to it."""

    count: int
    newest: datetime | None


class SignedList(Struct, frozen=True, kw_only=True):
    """A revocation list.

    Attributes:
        content: DER.
        known: What it was made of.
    """

    number: int
    signed_at: datetime
    content: bytes
    known: KnownRevocations


class CertificateSet(Struct, frozen=True, kw_only=True):
    """What is known of a mapping: whose it is, and what was signed for it and is still good."""

    owner_id: UUID
    is_withdrawn: bool
    certificates: list[Certificate]


def serial_from(text: str) -> bytes | None:
    """A serial as people write it, with or without colons; None if it cannot be one of ours."""
    digits = text.replace(":", "")
    if len(digits) != 2 * SERIAL_BYTES or not all(c in "0123456789abcdefABCDEF" for c in digits):
        return None
    serial = bytes.fromhex(digits)
    return serial if text.lower() in (serial.hex(), serial.hex(":")) else None


def thing_id_from(text: str) -> UUID | None:
    """A thing's id; None if it cannot be one."""
    try:
        thing_id = UUID(text)
    except ValueError:
        return None
    return thing_id if str(thing_id) == text.lower() else None


class MissingThing(InvalidInput):
    """A certificate is always of a thing."""

    code = "thing_id_missing"

    def __init__(self) -> None:
        super().__init__("missing entity id")


class MissingLifetime(InvalidInput):
    """How long it shall be good has to be said."""

    code = "ttl_missing"

    def __init__(self) -> None:
        super().__init__("missing certificate data")


class InvalidLifetime(InvalidInput):
    """Not a duration, or shorter than the second in which certificates count."""

    code = "ttl_invalid"

    def __init__(self) -> None:
        super().__init__("invalid certificate data")


class LifetimeTooLong(InvalidInput):
    """No certificate is good for longer than its issuer's."""

    code = "ttl_too_long"

    def __init__(self, latest: str) -> None:
        super().__init__("the authority's own certificate expires before that", latest=latest)


class InvalidRequest(InvalidInput):
    """Not a certificate request, not signed with its key, or of a key that is not taken."""

    code = "csr_invalid"

    def __init__(self, what: str) -> None:
        super().__init__(f"invalid certificate request: {what}")


class InvalidKeyKind(InvalidInput):
    """No such keys are made."""

    code = "key_invalid"


class InvalidSerial(InvalidInput):
    """A chosen serial that is not one."""

    code = "serial_invalid"

    def __init__(self) -> None:
        super().__init__("malformed serial")


class ThingNotVisible(NotFound):
    """The caller has no such thing."""

    code = "thing_not_found"


class ThingNotHis(Forbidden):
    """Who may not see a thing's secret may not stand for it either."""

    code = "thing_secret_hidden"


class ThingStopped(Conflict):
    """A thing that does not take part gets no certificate."""

    code = "thing_disabled"
    summary = "thing is disabled"

    def __init__(self) -> None:
        super().__init__("the thing is disabled or gone")


class CertificateNotFound(NotFound):
    """The caller has no such certificate."""

    code = "certificate_not_found"


class NothingToRevoke(NotFound):
    """None of the caller's certificates is meant, or all are revoked already."""

    code = "nothing_to_revoke"


class CertificateRevoked(Conflict):
    """A revoked certificate is not renewed: that would give its holder another."""

    code = "certificate_revoked"
    summary = "certificate is revoked"

    def __init__(self) -> None:
        super().__init__("the certificate is revoked")


class AlreadyRenewed(Conflict):
    """It has a successor, which is to be renewed instead."""

    code = "already_renewed"
    summary = "certificate is renewed already"

    def __init__(self, successor: str) -> None:
        super().__init__("the certificate was renewed before", cert_serial=successor)


class SerialTaken(Conflict):
    """Another certificate has this serial."""

    code = "serial_taken"

    def __init__(self) -> None:
        super().__init__("the serial is taken")


class SetWithdrawn(Conflict):
    """The mapping was withdrawn; nothing is signed for it any more."""

    code = "id_withdrawn"

    def __init__(self) -> None:
        super().__init__("withdrawn")


class SetOfAnotherUser(Forbidden):
    """The mapping's id belongs to another user."""
