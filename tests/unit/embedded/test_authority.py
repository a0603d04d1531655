"""The authority of things' certificates, as the first start makes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from deploy.embedded.authority import signing_authority
from deploy.embedded.settings import Settings
from services.certs.authority import Authority


def test_the_service_gets_a_signing_authority_and_not_the_roots_key(tmp_path: Path) -> None:
    told = signing_authority(tmp_path, Settings({}))

    chain = Path(told["SMQ_CERTS_SIGN_CA_PATH"])
    key = Path(told["SMQ_CERTS_SIGN_CA_KEY_PATH"])
    root_key = tmp_path / "certs-root.key"
    authority = Authority(
        chain.read_bytes(), key.read_bytes(), public_url="", now=datetime.now(UTC)
    )
    signing, root = x509.load_pem_x509_certificates(chain.read_bytes())
    signing.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert authority.certificate == signing
    assert str(root_key) not in told.values()
    assert root_key.read_text() not in (key.read_text(), chain.read_text())
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_the_next_start_finds_it_again_without_the_roots_key(tmp_path: Path) -> None:
    first = signing_authority(tmp_path, Settings({}))
    content = [Path(file).read_bytes() for file in first.values()]
    (tmp_path / "certs-root.key").unlink()

    assert signing_authority(tmp_path, Settings({})) == first

    assert [Path(file).read_bytes() for file in first.values()] == content


def test_what_was_interrupted_is_made_again(tmp_path: Path) -> None:
    signing_authority(tmp_path, Settings({}))
    (tmp_path / "certs-ca.crt").unlink()

    told = signing_authority(tmp_path, Settings({}))

    chain, key = (Path(file).read_bytes() for file in told.values())
    assert Authority(chain, key, public_url="", now=datetime.now(UTC))


@pytest.mark.parametrize("variable", ["SMQ_CERTS_SIGN_CA_PATH", "MF_CERTS_SIGN_CA_KEY_PATH"])
def test_an_operators_own_authority_is_left_to_him(tmp_path: Path, variable: str) -> None:
    assert signing_authority(tmp_path, Settings({variable: "own"})) == {}
    assert list(tmp_path.iterdir()) == []
