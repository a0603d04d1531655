"""The authority's own key: signs certificates, revocation lists and answers about single ones.

Everything here is work for the processor and is called off the event loop.

Source: RFC 5280 (certificates and lists), RFC 6960 (OCSP).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from services.certs.domain import InvalidRequest, Reason, Revocation

_BACKDATED = timedelta(minutes=5)  # hosts' clocks differ
_LIST_LIFETIME = timedelta(days=1)
_RSA_BITS = (2048, 4096)
_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
FLAGS = {
    Reason.UNSPECIFIED: x509.ReasonFlags.unspecified,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    Reason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
}
SubjectKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class UnusableAuthority(Exception):
    """A certificate or key with which nothing can be signed; the text says why."""


class Draft(Struct, frozen=True, kw_only=True):
    """What is going to be signed."""

    serial: bytes
    thing_id: UUID
    owner_id: UUID
    key: SubjectKey
    not_before: datetime
    not_after: datetime


class Authority:
    """Signs in the name of one certificate.

    Args:
        chain: The signing certificate in PEM, those above it behind it.
        key: Its private key in PEM.
        public_url: Where peers find list and OCSP; written into certificates if not empty.

    Raises:
        UnusableAuthority: They do not fit each other, or may not sign.

    Attributes:
        id: Hash of its public key; tells its certificates from those of an earlier authority.
        chain: In PEM, itself first.
        content: Its own certificate in DER.
        not_after: No certificate is good for longer.
    """

    def __init__(self, chain: bytes, key: bytes, *, public_url: str, now: datetime) -> None:
        certificates = _certificates(chain)
        self._certificate = certificates[0]
        self._key = _private_key(key)
        _require_authority(self._certificate, self._key, now)
        self._name = self._certificate.subject
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._identifier = x509.AuthorityKeyIdentifier(identifier.digest, None, None)
        self._places = _places(public_url.rstrip("/"))
        self.id = identifier.digest
        self.chain = "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)
        self.content = self._certificate.public_bytes(Encoding.DER)
        self.not_after = self._certificate.not_valid_after_utc

    @property
    def certificate(self) -> x509.Certificate:
        """The one in whose name it signs."""
        return self._certificate

    @property
    def key(self) -> SigningKey:
        """What it signs with."""
        return self._key

    def sign(self, draft: Draft) -> bytes:
        """A certificate in DER."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(
                x509.Name(
                    [
                        x509.NameAttribute(NameOID.ORGANIZATION_NAME, str(draft.owner_id)),
                        x509.NameAttribute(NameOID.COMMON_NAME, str(draft.thing_id)),
                    ]
                )
            )
            .issuer_name(self._name)
            .public_key(draft.key)
            .serial_number(int.from_bytes(draft.serial))
            .not_valid_before(draft.not_before - _BACKDATED)
            .not_valid_after(draft.not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_USAGE, critical=True)
            .add_extension(_CLIENT, critical=False)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.UniformResourceIdentifier(f"urn:smq:thing:{draft.thing_id}")]
                ),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(draft.key), critical=False)
            .add_extension(self._identifier, critical=False)
        )
        for place in self._places:
            builder = builder.add_extension(place, critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.DER)

    def revocation_list(
        self, number: int, revocations: Sequence[Revocation], now: datetime
    ) -> bytes:
        """The numbered list of what is revoked and has not expired, in DER."""
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self._name,
            last_update=now,
            next_update=now + _LIST_LIFETIME,
            # Given whole: adding one by one copies what is there each time.
            revoked_certificates=[_line(one) for one in revocations],
        )
        return (
            builder.add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, SHA256())
            .public_bytes(Encoding.DER)
        )


def read_request(text: str) -> SubjectKey:
    """The public key for which a certificate request asks.

    Raises:
        InvalidRequest: It is not one, or does not prove that its maker has the key.
    """
    try:
        request = x509.load_pem_x509_csr(text.encode())
        key = request.public_key()
        is_proven = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidRequest("unreadable") from None
    if not is_proven:
        raise InvalidRequest("its signature is not that of its key")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
        key.curve, ec.SECP256R1 | ec.SECP384R1
    ):
        return key
    if isinstance(key, rsa.RSAPublicKey) and _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
        return key
    raise InvalidRequest("its key is neither RSA of 2048 to 4096 bits, P-256, P-384 nor Ed25519")


def _line(one: Revocation) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(int.from_bytes(one.serial), one.revoked_at)
    if one.reason is not Reason.UNSPECIFIED:  # which the standard wants left out
        builder = builder.add_extension(x509.CRLReason(FLAGS[one.reason]), critical=False)
    return builder.build()


def _certificates(chain: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise UnusableAuthority("no certificate in PEM") from None


def _private_key(text: bytes) -> SigningKey:
    try:
        key = load_pem_private_key(text, password=None)
    except TypeError:
        raise UnusableAuthority("the key is encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableAuthority("no private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise UnusableAuthority("the key is neither an RSA nor an elliptic-curve key")
    return key


def _require_authority(certificate: x509.Certificate, key: SigningKey, now: datetime) -> None:
    if certificate.public_key() != key.public_key():
        raise UnusableAuthority("the key is not that of the first certificate")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        raise UnusableAuthority("the first certificate is not an authority's")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not (usage.key_cert_sign and usage.crl_sign):
        raise UnusableAuthority("the first certificate may not sign certificates and lists")
    if certificate.not_valid_after_utc <= now:
        raise UnusableAuthority("the first certificate has expired")


def _places(url: str) -> list[x509.ExtensionType]:
    if not url:
        return []
    crl = x509.UniformResourceIdentifier(f"{url}/crl")
    ocsp = x509.UniformResourceIdentifier(f"{url}/ocsp")
    method = x509.oid.AuthorityInformationAccessOID.OCSP
    return [
        x509.CRLDistributionPoints([x509.DistributionPoint([crl], None, None, None)]),
        x509.AuthorityInformationAccess([x509.AccessDescription(method, ocsp)]),
    ]
