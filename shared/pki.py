"""Key pairs, certificate requests and authorities: what more than one program makes.

Everything here is work for the processor: call it off the event loop. Keys of RSA take long, and
are made without holding Python's lock.

Source: RFC 5280 (certificates), RFC 2986 (requests).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SERIAL_BYTES = 16
KEY_SIZES = {"ecdsa": (256, 384), "rsa": (2048, 3072, 4096)}
_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1()}
_BACKDATED = timedelta(minutes=5)  # hosts' clocks differ
_ROOT_LIFETIME = timedelta(days=20 * 365)
_SIGNING_LIFETIME = timedelta(days=10 * 365)


class KeyKind(Struct, frozen=True):
    """What kind of key pair is made: `ecdsa` or `rsa`, and how large."""

    type: str = "ecdsa"
    bits: int = 256


def key_kind(type_: str, bits: int) -> KeyKind:
    """The kind that is meant where one half or both may be left open (empty, 0).

    Raises:
        ValueError: Nothing of that size is made.
    """
    if not type_:
        type_ = next((name for name, sizes in KEY_SIZES.items() if bits in sizes), "ecdsa")
    sizes = KEY_SIZES.get(type_, ())
    bits = bits or next(iter(sizes), 0)
    if bits not in sizes:
        raise ValueError(f"no key of type {type_!r} with {bits} bits")
    return KeyKind(type_, bits)


def make_key(kind: KeyKind) -> PrivateKey:
    """A new key pair."""
    if kind.type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=kind.bits)
    return ec.generate_private_key(_CURVES[kind.bits])


def key_text(key: PrivateKey) -> str:
    """A private key in PEM (PKCS #8), not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def make_request(key: PrivateKey, thing_id: UUID) -> str:
    """A certificate request in PEM, which proves that its maker has the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(thing_id))])
    request = x509.CertificateSigningRequestBuilder(subject_name=name).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def new_serial() -> str:
    """A random serial number as it is written: 16 bytes in hex, joined by colons."""
    number = secrets.token_bytes(SERIAL_BYTES)
    while number[0] == 0:  # would be written with a byte less by others
        number = secrets.token_bytes(SERIAL_BYTES)
    return number.hex(":")


class NewAuthority(Struct, frozen=True):
    """An authority that was just made, in PEM.

    Attributes:
        root_key: Needed again only when the signing authority is replaced.
        signing_key: What signs certificates.
        chain: Certificate of the signing authority, then that of the root.
    """

    root_key: str
    root: str
    signing_key: str
    chain: str


def make_authority(now: datetime) -> NewAuthority:
    """A root, and under it an authority that signs certificates but no further authorities."""
    root_key, signing_key = make_key(KeyKind()), make_key(KeyKind())
    root_name, signing_name = _authority_name("root"), _authority_name("signing")
    root = _authority(
        root_name, root_key, issuer=root_name, issuer_key=root_key, depth=1, now=now,
        lifetime=_ROOT_LIFETIME,
    )  # fmt: skip
    signing = _authority(
        signing_name, signing_key, issuer=root_name, issuer_key=root_key, depth=0, now=now,
        lifetime=_SIGNING_LIFETIME,
    )  # fmt: skip
    root_text = root.public_bytes(Encoding.PEM).decode()
    return NewAuthority(
        root_key=key_text(root_key),
        root=root_text,
        signing_key=key_text(signing_key),
        chain=signing.public_bytes(Encoding.PEM).decode() + root_text,
    )


def _authority_name(kind: str) -> x509.Name:
    """A name of its own for each, so that two installations' authorities are not mixed up."""
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"SuperMQ {kind} {secrets.token_hex(4)}")]
    )


def _authority(
    name: x509.Name,
    key: PrivateKey,
    *,
    issuer: x509.Name,
    issuer_key: PrivateKey,
    depth: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    public_key = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,  # it answers for its certificates by OCSP too
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if issuer != name:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    return builder.sign(issuer_key, SHA256())
