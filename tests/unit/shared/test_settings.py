"""The environment into typed settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import pytest
from msgspec import Meta

from shared.settings import Port, Settings, SettingsError, load_settings


class SampleSettings(Settings, frozen=True, kw_only=True):
    http_port: Port
    lifetime: timedelta = timedelta(minutes=15)
    is_open: bool = True
    users_url: Annotated[str, Meta(extra={"variables": ["USERS_URL"]})] = "http://localhost"
    password: Annotated[str, Meta(extra={"secret": True})] = ""


def load(**environment: str) -> SampleSettings:
    return load_settings(SampleSettings, service="sample", environment=environment)


def test_reads_each_variable_into_its_type() -> None:
    settings = load(
        SMQ_SAMPLE_HTTP_PORT="9000", SMQ_SAMPLE_LIFETIME="1h30m", SMQ_SAMPLE_IS_OPEN="false"
    )

    assert settings.http_port == 9000
    assert settings.lifetime == timedelta(minutes=90)
    assert settings.is_open is False


def test_falls_back_to_the_prefixes_of_earlier_releases() -> None:
    settings = load(MF_SAMPLE_HTTP_PORT="1", MG_SAMPLE_HTTP_PORT="2")

    assert settings.http_port == 2


def test_prefers_the_services_own_variable_to_a_common_one() -> None:
    settings = load(SMQ_SAMPLE_HTTP_PORT="1", SMQ_USERS_URL="common", SMQ_SAMPLE_USERS_URL="own")

    assert settings.users_url == "own"


def test_an_empty_variable_counts_as_unset() -> None:
    settings = load(SMQ_SAMPLE_HTTP_PORT="1", SMQ_SAMPLE_LIFETIME="")

    assert settings.lifetime == timedelta(minutes=15)


def test_names_every_missing_and_malformed_variable_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load(MF_SAMPLE_LIFETIME="soon", SMQ_SAMPLE_IS_OPEN="maybe")

    text = str(refused.value)
    assert "SMQ_SAMPLE_HTTP_PORT is not set" in text
    assert "MF_SAMPLE_LIFETIME is malformed" in text
    assert "SMQ_SAMPLE_IS_OPEN is malformed" in text


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "9000.5"])
def test_refuses_a_port_that_is_none(port: str) -> None:
    with pytest.raises(SettingsError, match="SMQ_SAMPLE_HTTP_PORT is malformed"):
        load(SMQ_SAMPLE_HTTP_PORT=port)


def test_a_printed_setting_shows_no_secret() -> None:
    settings = load(SMQ_SAMPLE_HTTP_PORT="1", SMQ_SAMPLE_PASSWORD="hunter2")

    assert "hunter2" not in repr(settings)
