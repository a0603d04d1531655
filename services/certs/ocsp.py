"""Answers about single certificates (OCSP, RFC 6960), signed by the authority itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from msgspec import Struct

from services.certs.authority import FLAGS, Authority
from services.certs.domain import Standing
from shared.pki import SERIAL_BYTES

_GOOD_FOR = timedelta(hours=1)
_HASHES: dict[type[HashAlgorithm], HashAlgorithm] = {
    kind: kind() for kind in (SHA1, SHA256, SHA384, SHA512)
}


class Question(Struct, frozen=True):
    """Which certificate somebody asks about.

    Attributes:
        serial: As stored; empty if it cannot be one of ours.
        nonce: Repeated in the answer, None if the question has none.
    """

    serial: bytes
    algorithm: HashAlgorithm
    name_hash: bytes
    key_hash: bytes
    number: int
    nonce: bytes | None


class Unanswerable(Exception):
    """The question gets an answer without content.

    Attributes:
        answer: DER.
    """

    def __init__(self, status: ocsp.OCSPResponseStatus) -> None:
        super().__init__(status.name)
        self.answer = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


class Responder:
    """Reads questions and signs answers for one authority."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._hashes = {
            kind: _issuer_hashes(authority.certificate, algorithm)
            for kind, algorithm in _HASHES.items()
        }

    def read(self, body: bytes) -> Question:
        """What is asked; raises Unanswerable."""
        try:
            request = ocsp.load_der_ocsp_request(body)
            algorithm = _HASHES[type(request.hash_algorithm)]
            nonce = _nonce(request)
        except (ValueError, UnsupportedAlgorithm, NotImplementedError, KeyError):
            raise Unanswerable(ocsp.OCSPResponseStatus.MALFORMED_REQUEST) from None
        asked = (request.issuer_name_hash, request.issuer_key_hash)
        if asked != self._hashes[type(algorithm)]:
            raise Unanswerable(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        number = request.serial_number
        is_ours = 0 < number < 1 << 8 * SERIAL_BYTES
        serial = number.to_bytes(SERIAL_BYTES) if is_ours else b""
        return Question(serial, algorithm, *asked, number, nonce)

    def answer(self, question: Question, standing: Standing, now: datetime) -> bytes:
        """The signed answer in DER."""
        status, revoked_at, reason = ocsp.OCSPCertStatus.GOOD, None, None
        if not standing.is_known:
            status = ocsp.OCSPCertStatus.UNKNOWN
        elif standing.revocation is not None:
            status = ocsp.OCSPCertStatus.REVOKED
            revoked_at = standing.revocation.revoked_at
            reason = FLAGS[standing.revocation.reason]
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=question.name_hash,
                issuer_key_hash=question.key_hash,
                serial_number=question.number,
                algorithm=question.algorithm,
                cert_status=status,
                this_update=now,
                next_update=now + _GOOD_FOR,
                revocation_time=revoked_at,
                revocation_reason=reason,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self._authority.certificate)
        )
        if question.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
        return builder.sign(self._authority.key, SHA256()).public_bytes(Encoding.DER)


def _nonce(request: ocsp.OCSPRequest) -> bytes | None:
    try:
        return request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None


def _issuer_hashes(certificate: x509.Certificate, algorithm: HashAlgorithm) -> tuple[bytes, bytes]:
    """How questions name the issuer: hashes of its name and of its key's bits."""
    name = Hash(algorithm)
    name.update(certificate.subject.public_bytes())
    key = Hash(algorithm)
    key.update(_key_bits(certificate))
    return name.finalize(), key.finalize()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The content of the bit string that holds the key, which is what is hashed."""
    public_key = certificate.public_key()
    if hasattr(public_key, "curve"):
        return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
