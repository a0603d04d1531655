"""The development authority and the server certificate it signs."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.embedded.certificates import main, make_certificates
from deploy.embedded.errors import BrokenFolder

FILES = ("ca.crt", "ca.key", "server.crt", "server.key")


def texts(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name).read_bytes())


def names(folder: Path) -> x509.SubjectAlternativeName:
    extensions = certificate(folder, "server.crt").extensions
    return extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_the_server_is_good_for_this_machine_and_signed_by_the_authority(tmp_path: Path) -> None:
    trusted = make_certificates(tmp_path / "tls", ["gw.example.com", "192.0.2.1"])

    assert trusted == tmp_path / "tls" / "ca.crt"
    found = names(tmp_path / "tls")
    assert found.get_values_for_type(x509.DNSName) == ["localhost", "gw.example.com"]
    assert found.get_values_for_type(x509.IPAddress) == [
        ip_address(text) for text in ("127.0.0.1", "::1", "192.0.2.1")
    ]
    server, authority = (certificate(tmp_path / "tls", name) for name in ("server.crt", "ca.crt"))
    server.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")

    modes = {name: (tmp_path / "tls" / name).stat().st_mode & 0o777 for name in FILES}
    assert (modes["ca.key"], modes["server.key"]) == (0o600, 0o600)
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["a.example"])
    before = texts(tmp_path)

    make_certificates(tmp_path, ["a.example"])

    assert texts(tmp_path) == before


@pytest.mark.parametrize(
    ("days", "extra", "renewed"),
    [
        (300, [], set()),
        (380, [], {"server.crt", "server.key"}),
        (3640, [], set(FILES)),
        (0, ["b.example"], {"server.crt", "server.key"}),
    ],
)
def test_what_expires_or_is_not_enough_is_made_again(
    tmp_path: Path, days: int, extra: list[str], renewed: set[str]
) -> None:
    make_certificates(tmp_path)
    before = texts(tmp_path)

    make_certificates(tmp_path, extra, now=datetime.now(UTC) + timedelta(days=days))

    after = texts(tmp_path)
    assert {name for name in FILES if after[name] != before[name]} == renewed


def test_a_server_certificate_of_the_operators_own_is_left_alone(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    foreign = signed_by_somebody_else()
    (tmp_path / "server.crt").write_bytes(foreign)

    make_certificates(tmp_path, ["elsewhere.example"])

    assert (tmp_path / "server.crt").read_bytes() == foreign


def signed_by_somebody_else() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "server.crt"])
def test_something_else_in_the_folder_is_said_and_not_replaced(tmp_path: Path, name: str) -> None:
    make_certificates(tmp_path)
    (tmp_path / name).write_text("something else")

    with pytest.raises(BrokenFolder, match=name.replace(".", r"\.")):
        make_certificates(tmp_path)

    assert (tmp_path / name).read_text() == "something else"


def test_the_command_says_what_clients_trust_or_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "tls"), "gw.example"]) == 0
    assert capsys.readouterr().out == f"clients trust {tmp_path}/tls/ca.crt\n"

    assert main([str(tmp_path / "tls"), "nö.example"]) == 1
    assert capsys.readouterr().err.startswith("certificates: ")
