"""The key of secure fetches."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings, fetch_key
from shared.settings import SettingsError, load_settings


def loaded(folder: Path, **variables: str) -> BootstrapSettings:
    environment = {"SMQ_STATE_DIR": str(folder)} | variables
    return load_settings(BootstrapSettings, service="bootstrap", environment=environment)


@pytest.mark.parametrize("prefix", ["SMQ", "MG", "MF"])
def test_a_given_key_is_taken_as_it_is(tmp_path: Path, prefix: str) -> None:
    text = "0123456789abcdef" * 2

    key = fetch_key(loaded(tmp_path, **{f"{prefix}_BOOTSTRAP_ENCRYPT_KEY": text}))

    assert key == text.encode()


def test_without_a_key_one_is_made_and_kept(tmp_path: Path) -> None:
    key = fetch_key(loaded(tmp_path / "one"))

    again = fetch_key(loaded(tmp_path / "one"))
    elsewhere = fetch_key(loaded(tmp_path / "two"))
    assert len(key) == 32
    assert again == key
    assert elsewhere != key


def test_in_production_no_key_is_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SMQ_BOOTSTRAP_ENCRYPT_KEY is not set"):
        fetch_key(loaded(tmp_path, SMQ_PRODUCTION="true"))


@pytest.mark.parametrize("length", [1, 15, 17, 31, 33, 50])
def test_a_key_of_a_wrong_length_is_named_but_not_shown(tmp_path: Path, length: int) -> None:
    text = "k" * length

    with pytest.raises(SettingsError) as refused:
        fetch_key(loaded(tmp_path, SMQ_BOOTSTRAP_ENCRYPT_KEY=text))

    assert refused.value.problems == [
        f"SMQ_BOOTSTRAP_ENCRYPT_KEY has {length} bytes; it needs 16, 24 or 32"
    ]


def test_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    assert settings.http_port == 9013
    assert not settings.require_active


def test_building_the_application_writes_nothing(tmp_path: Path) -> None:
    create_app(loaded(tmp_path / "state"))

    assert not (tmp_path / "state").exists()


def test_a_key_of_a_wrong_length_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SMQ_BOOTSTRAP_ENCRYPT_KEY has 50 bytes"):
        create_app(loaded(tmp_path, SMQ_BOOTSTRAP_ENCRYPT_KEY="k" * 50))


def test_a_limit_of_failures_below_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SMQ_BOOTSTRAP_FETCH_FAILURES_PER_MINUTE"):
        loaded(tmp_path, SMQ_BOOTSTRAP_FETCH_FAILURES_PER_MINUTE="-1")
