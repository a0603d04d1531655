"""`make secrets`: everything a composition needs, made once."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from deploy.containers.health import PORTS
from deploy.containers.secrets import ADDONS, make_secrets
from services.users.service_secrets import service_hashes
from services.users.settings import UsersSettings
from shared.messaging.nkeys import AccountKey
from shared.settings import load_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository's folders."""
    for addon in ADDONS:
        (tmp_path / "deploy" / "addons" / addon).mkdir(parents=True)
    (tmp_path / "nginx").mkdir()
    return tmp_path


def variables(root: Path) -> dict[str, str]:
    lines = (root / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_a_second_time_changes_nothing(root: Path) -> None:
    assert make_secrets(root)
    before = variables(root)
    key = (root / "deploy/secrets/signing-key.pem").read_text()

    assert make_secrets(root) == []

    assert variables(root) == before
    assert (root / "deploy/secrets/signing-key.pem").read_text() == key


def test_what_the_operator_wrote_stays_and_what_is_missing_is_added(root: Path) -> None:
    (root / ".env").write_text(
        "# mine\nSMQ_HTTPS_PORT=8443\nSMQ_USERS_ADMIN_EMAIL=me@example.com\n"
        "SMQ_REDIS_PASSWORD=\nSMQ_THINGS_SERVICE_SECRET=mine\n"
    )

    made = make_secrets(root)

    text = (root / ".env").read_text()
    found = variables(root)
    assert text.startswith("# mine\nSMQ_HTTPS_PORT=8443\nSMQ_USERS_ADMIN_EMAIL=me@example.com\n")
    assert found["SMQ_THINGS_SERVICE_SECRET"] == "mine"
    assert len(found["SMQ_REDIS_PASSWORD"]) > 20
    assert text.count("SMQ_REDIS_PASSWORD=") == 1
    assert "SMQ_REDIS_PASSWORD" in made
    assert "SMQ_USERS_ADMIN_EMAIL" not in made


def test_users_knows_every_service_by_its_secret(root: Path) -> None:
    make_secrets(root)
    given = variables(root)
    settings = load_settings(UsersSettings, service="users", environment=given)

    assert set(service_hashes(settings)) == set(PORTS) - {"users"}

    # A secret that was changed by hand is known the next time.
    changed = (root / ".env").read_text().replace(given["SMQ_CERTS_SERVICE_SECRET"], "changed")
    (root / ".env").write_text(changed)
    assert make_secrets(root) == ["SMQ_USERS_SERVICE_SECRET_HASHES"]
    assert (
        variables(root)["SMQ_USERS_SERVICE_SECRET_HASHES"]
        != (given["SMQ_USERS_SERVICE_SECRET_HASHES"])
    )


def test_no_two_secrets_are_alike_and_none_breaks_a_file_or_url(root: Path) -> None:
    make_secrets(root)

    found = variables(root)
    del found["SMQ_USERS_ADMIN_EMAIL"], found["SMQ_USERS_SERVICE_SECRET_HASHES"]
    assert len(set(found.values())) == len(found)
    assert all(value.replace("-", "").replace("_", "").isalnum() for value in found.values())
    assert min(map(len, found.values())) >= 32


def test_files_are_kept_from_strangers(root: Path) -> None:
    make_secrets(root)

    assert (root / ".env").stat().st_mode & 0o777 == 0o600
    assert (root / "deploy/secrets").stat().st_mode & 0o777 == 0o700
    assert (root / "nginx/ssl/ca.key").stat().st_mode & 0o777 == 0o600
    accounts = (root / "deploy/secrets/accounts.conf").read_text()
    found = variables(root)
    assert AccountKey(found["SMQ_MQTT_AUTH_ISSUER_SEED"]).public in accounts
    assert not [name for name, value in found.items() if value in accounts]


def test_the_certificate_is_good_for_the_names_that_are_given(root: Path) -> None:
    (root / ".env").write_text("SMQ_TLS_NAMES=gw.example.com, 192.0.2.1\n")

    make_secrets(root)
    first = (root / "nginx/ssl/server.crt").read_bytes()
    make_secrets(root)

    assert (root / "nginx/ssl/server.crt").read_bytes() == first
    certificate = x509.load_pem_x509_certificate(first)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "gw.example.com" in names.get_values_for_type(x509.DNSName)
    assert ip_address("192.0.2.1") in names.get_values_for_type(x509.IPAddress)


def test_add_ons_find_the_settings_beside_their_file(root: Path) -> None:
    make_secrets(root)

    for addon in ADDONS:
        link = root / "deploy/addons" / addon / ".env"
        assert link.resolve() == root / ".env"
