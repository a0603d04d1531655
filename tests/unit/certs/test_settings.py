"""Which authority certs signs with, and which it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import DER_cert_to_PEM_cert
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from services.certs.app import create_app
from services.certs.authority import Draft
from services.certs.settings import CertsSettings, authority_of, usual_key_kind
from shared.pki import KeyKind, NewAuthority, key_text, make_authority, make_key
from shared.settings import SettingsError, load_settings

NOW = datetime.now(UTC)
MADE = make_authority(NOW)
OTHER = make_authority(NOW)


def given(folder: Path, chain: str, key: str) -> CertsSettings:
    (folder / "ca.crt").write_text(chain)
    (folder / "ca.key").write_text(key)
    return CertsSettings(
        sign_ca_path=str(folder / "ca.crt"), sign_ca_key_path=str(folder / "ca.key")
    )


def test_files_are_named_by_every_generations_variables(tmp_path: Path) -> None:
    given(tmp_path, MADE.chain, MADE.signing_key)
    for prefix in ("SMQ", "MG", "MF"):
        environment = {
            f"{prefix}_CERTS_SIGN_CA_PATH": str(tmp_path / "ca.crt"),
            f"{prefix}_CERTS_SIGN_CA_KEY_PATH": str(tmp_path / "ca.key"),
        }
        settings = load_settings(CertsSettings, service="certs", environment=environment)

        assert authority_of(settings).chain == MADE.chain


def test_without_files_one_is_made_once_and_its_root_key_is_thrown_away(tmp_path: Path) -> None:
    settings = CertsSettings(state_dir=str(tmp_path))

    first, second = authority_of(settings), authority_of(settings)

    (kept,) = tmp_path.iterdir()
    assert first.chain == second.chain
    assert kept.read_text().count("PRIVATE KEY") == 2  # the first and last line of one key
    assert kept.read_text().count("BEGIN CERTIFICATE") == 2
    assert kept.stat().st_mode & 0o777 == 0o600


def test_in_production_none_is_made(tmp_path: Path) -> None:
    settings = CertsSettings(state_dir=str(tmp_path), production=True)

    with pytest.raises(SettingsError, match="SMQ_CERTS_SIGN_CA_PATH is not set"):
        authority_of(settings)

    assert list(tmp_path.iterdir()) == []


def leaf(made: NewAuthority, folder: Path) -> tuple[str, str]:
    """A certificate that may not sign, and its key."""
    key = make_key(KeyKind())
    authority = authority_of(given(folder, made.chain, made.signing_key))
    content = authority.sign(
        Draft(
            serial=b"\x01" * 16,
            thing_id=UUID(int=1),
            owner_id=UUID(int=2),
            key=key.public_key(),
            not_before=NOW,
            not_after=NOW + timedelta(days=1),
        )
    )
    return DER_cert_to_PEM_cert(content), key_text(key)


def encrypted(key: str) -> str:
    return (
        load_pem_private_key(key.encode(), None)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        .decode()
    )


def ed25519_key() -> str:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


EXPIRED = make_authority(NOW - timedelta(days=11 * 365))
UNUSABLE = {
    "no certificate in PEM": ("nothing", MADE.signing_key),
    "no private key in PEM": (MADE.chain, "nothing"),
    "the key is encrypted": (MADE.chain, encrypted(MADE.signing_key)),
    "the key is neither an RSA nor an elliptic-curve key": (MADE.chain, ed25519_key()),
    "the key is not that of the first certificate": (MADE.chain, OTHER.signing_key),
    "the first certificate has expired": (EXPIRED.chain, EXPIRED.signing_key),
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_a_given_authority_that_cannot_sign_stops_the_start(tmp_path: Path, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        create_app(given(tmp_path, *UNUSABLE[reason]))


def test_a_certificate_that_may_not_sign_stops_the_start(tmp_path: Path) -> None:
    settings = given(tmp_path, *leaf(MADE, tmp_path))

    with pytest.raises(SettingsError, match="not an authority's"):
        create_app(settings)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    half = CertsSettings(sign_ca_path=str(tmp_path / "ca.crt"))
    with pytest.raises(SettingsError, match="SMQ_CERTS_SIGN_CA_PATH: cannot read"):
        create_app(half)
    (tmp_path / "ca.crt").write_text(MADE.chain)
    with pytest.raises(SettingsError, match="SMQ_CERTS_SIGN_CA_KEY_PATH is not set"):
        create_app(half)


def test_the_usual_key_is_checked_at_the_start() -> None:
    assert usual_key_kind(CertsSettings()) == KeyKind("ecdsa", 256)
    assert usual_key_kind(CertsSettings(key_type="rsa")) == KeyKind("rsa", 2048)
    with pytest.raises(SettingsError, match="SMQ_CERTS_KEY_BITS"):
        create_app(CertsSettings(key_type="rsa", key_bits=256))
