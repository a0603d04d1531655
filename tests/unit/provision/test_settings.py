"""The variables that installations of the original have set."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.provision.app import configure
from services.provision.settings import ProvisionSettings
from shared.settings import SettingsError, load_settings


@pytest.mark.parametrize("prefix", ["SMQ", "MG", "MF"])
@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("CONFIG_FILE", "/etc/config.toml", "config_file", "/etc/config.toml"),
        ("HTTP_PORT", "8190", "http_port", 8190),
        ("LOG_LEVEL", "error", "log_level", "error"),
        ("SERVER_CERT", "server.crt", "http_server_cert", "server.crt"),
        ("SERVER_KEY", "server.key", "http_server_key", "server.key"),
        ("USERS_LOCATION", "http://users:9002", "users_url", "http://users:9002"),
        ("THINGS_LOCATION", "http://things:9000", "things_url", "http://things:9000"),
        ("BS_SVC_URL", "http://bs:9013/things", "bootstrap_url", "http://bs:9013/things"),
        ("USER", "john@example.com", "user", "john@example.com"),
        ("PASS", "12345678", "password", "12345678"),
        ("PASSWORD", "12345678", "password", "12345678"),
        ("API_KEY", "token", "api_key", "token"),
        ("BS_CONFIG_PROVISIONING", "false", "bs_config_provisioning", False),
        ("BS_AUTO_WHITELIST", "false", "bs_auto_whitelist", False),
        ("X509_PROVISIONING", "true", "x509_provisioning", True),
        ("BS_CONTENT", "{}", "bs_content", "{}"),
    ],
)
def test_every_documented_variable_is_read_with_every_releases_prefix(
    prefix: str, variable: str, text: str, field: str, value: object
) -> None:
    settings = load_settings(
        ProvisionSettings,
        service="provision",
        environment={f"{prefix}_PROVISION_{variable}": text},
    )

    assert getattr(settings, field) == value


def test_the_documented_standalone_start_needs_its_four_variables_only() -> None:
    settings = load_settings(
        ProvisionSettings,
        service="provision",
        environment={
            "SMQ_PROVISION_BS_SVC_URL": "http://localhost:9013/things",
            "SMQ_PROVISION_THINGS_LOCATION": "http://localhost:9000",
            "SMQ_PROVISION_USERS_LOCATION": "http://localhost:9002",
            "SMQ_PROVISION_CONFIG_FILE": "docker/addons/provision/configs/config.toml",
        },
    )

    assert settings.http_port == 9016


def test_a_deadline_beyond_the_life_of_a_mappings_token_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="SMQ_PROVISION_MAPPING_DEADLINE"):
        configure(ProvisionSettings(mapping_deadline=timedelta(minutes=2)))


def test_the_services_own_address_wins_over_the_common_one() -> None:
    settings = load_settings(
        ProvisionSettings,
        service="provision",
        environment={
            "SMQ_USERS_URL": "http://common",
            "MF_PROVISION_USERS_LOCATION": "http://old",
            "SMQ_PROVISION_USERS_LOCATION": "http://own",
        },
    )

    assert settings.users_url == "http://own"
