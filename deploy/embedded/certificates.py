"""A certificate authority for development and test, and a server certificate signed by it.

`python -m deploy.embedded.certificates FOLDER [NAME...]` makes what is missing and renews what is
about to expire; `ca.crt` is what clients are given to trust. It also serves `supermq up --tls`.
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.embedded.errors import BrokenFolder
from deploy.embedded.secrets import write_private_file

_ORGANIZATION = "SuperMQ development"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_LIFETIME = timedelta(days=3650)
_SERVER_LIFETIME = timedelta(days=397)  # clients refuse longer ones
_RENEW_BEFORE = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certificates(folder: Path, names: Sequence[str] = (), now: datetime | None = None) -> Path:
    """See to a certificate of this machine's own names and further ones.

    Args:
        folder: Gets `ca.crt`, `ca.key`, `server.crt` and `server.key`.
        names: Host names and addresses beside those of loopback.
        now: The time to go by, the present one unless given.

    Returns:
        The file with the authority's certificate.

    Raises:
        BrokenFolder: There is something else under one of those names.
    """
    now = now or datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _read_authority(folder)
    if authority is None or _expires_soon(authority.certificate, now):
        authority = _make_authority(now)
        _write(folder, "ca", authority)
    # An operator's own certificate, signed by somebody else, is left alone.
    wanted = _subject_names((*LOCAL_NAMES, *names))
    server = _read_certificate(folder, "server")
    is_ours = server is None or _ORGANIZATION in server.issuer.rfc4514_string()
    is_good = (
        server is not None
        and not _expires_soon(server, now)
        and _is_signed_by(server, authority.certificate)
        and _names_of(server) == wanted
    )
    if is_ours and not is_good:
        _write(folder, "server", _make_server(authority, wanted, now))
    return folder / "ca.crt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="certificates", description="A development CA and a server certificate."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="host names and addresses beside localhost")
    options = parser.parse_args(arguments)
    try:
        trusted = make_certificates(options.folder, options.names)
    except (BrokenFolder, ValueError, OSError) as error:
        print(f"certificates: {error}", file=sys.stderr)
        return 1
    print(f"clients trust {trusted}")
    return 0


def _make_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial number in the name: of two authorities made here, each is told from the other.
    number = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"development CA {number % 10**8:08}"),
        ]
    )
    certificate = (
        _builder(name, name, key.public_key(), number, now, _AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _make_server(authority: _Pair, names: x509.SubjectAlternativeName, now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    issuer = authority.certificate
    number = x509.random_serial_number()
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), number, now, _SERVER_LIFETIME)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    number: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(number)
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject_names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for text in dict.fromkeys(names):
        name: x509.GeneralName = x509.DNSName(text)
        with contextlib.suppress(ValueError):
            name = x509.IPAddress(ip_address(text))
        found.append(name)
    return x509.SubjectAlternativeName(found)


def _names_of(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    with contextlib.suppress(x509.ExtensionNotFound):
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return None


def _expires_soon(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc < now + _RENEW_BEFORE


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _read_authority(folder: Path) -> _Pair | None:
    certificate = _read_certificate(folder, "ca")
    if certificate is None:
        return None
    file = folder / "ca.key"
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BrokenFolder(f"{file} is no key of an authority made here; remove it with ca.crt")
    return _Pair(certificate, key)


def _read_certificate(folder: Path, name: str) -> x509.Certificate | None:
    """A certificate; None unless it is there together with its key."""
    file = folder / f"{name}.crt"
    if not (file.exists() and (folder / f"{name}.key").exists()):
        return None
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        raise BrokenFolder(f"{file} is no certificate; remove it") from None


def _write(folder: Path, name: str, pair: _Pair) -> None:
    # The certificate last: what was interrupted is made again.
    key = pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = pair.certificate.public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}.crt").unlink(missing_ok=True)
    write_private_file(folder / f"{name}.key", key.decode())
    (folder / f"{name}.crt").write_bytes(certificate)


if __name__ == "__main__":
    sys.exit(main())
