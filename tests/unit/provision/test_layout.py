"""The configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.provision.domain import LayoutError
from services.provision.layout import (
    BUILT_IN_CHANNELS,
    BUILT_IN_THINGS,
    Configuration,
    read_configuration,
)
from services.provision.settings import ProvisionSettings

PRINTED = Path("deploy/addons/provision/configs/config.toml")


def read(path: Path, text: str, **settings: object) -> Configuration:
    path.joinpath("config.toml").write_text(text)
    return read_configuration(
        ProvisionSettings(config_file=str(path / "config.toml"), **settings)  # type: ignore[arg-type]
    )


def test_without_a_file_the_layout_is_what_an_agent_needs(tmp_path: Path) -> None:
    configuration = read_configuration(
        ProvisionSettings(config_file=str(tmp_path / "missing.toml"))
    )

    assert [thing.name for thing in configuration.layout.things] == ["thing"]
    assert [channel.kind for channel in configuration.layout.channels] == ["control", "data"]
    assert configuration.layout.content is None


def test_the_printed_layout_loads_without_a_warning() -> None:
    with capture_logs() as logs:
        configuration = read_configuration(ProvisionSettings(config_file=str(PRINTED)))

    layout = configuration.layout
    assert logs == []
    assert [thing.metadata for thing in layout.things] == [{"external_id": "xxxxxx"}]
    assert [channel.name for channel in layout.channels] == [
        "control-channel",
        "data-channel",
        "export-channel",
    ]
    assert layout.content is not None
    assert layout.content["agent"]["heartbeat"] == {"interval": "30s"}
    assert [route["nats_topic"] for route in layout.content["export"]["routes"]] == [
        "channels",
        "export",
    ]


@pytest.mark.parametrize("prefix", ["mf_", "mg_", "smq_", "SMQ_", ""])
def test_every_releases_prefix_is_understood(tmp_path: Path, prefix: str) -> None:
    configuration = read(
        tmp_path,
        f"""
        [server]
        http_port = "8190"
        {prefix}user = "john@example.com"
        {prefix}pass = "12345678"
        {prefix}bs_url = "http://bs:9013/things"
        users_location = "http://users:9002"
        """,
    )

    settings = configuration.settings
    assert settings.http_port == 8190
    assert (settings.user, settings.password) == ("john@example.com", "12345678")
    assert settings.bootstrap_url == "http://bs:9013/things"
    assert settings.users_url == "http://users:9002"


def test_the_documented_api_key_name_is_understood_in_the_file(tmp_path: Path) -> None:
    configuration = read(tmp_path, 'SMQ_PROVISION_API_KEY = "token"')

    assert configuration.settings.api_key == "token"


def test_a_value_in_the_file_wins_over_the_environment_even_if_false_or_empty(
    tmp_path: Path,
) -> None:
    configuration = read(
        tmp_path,
        """
        [server]
        mf_user = ""
        [bootstrap]
        autowhite_list = false
        """,
        user="from-environment",
        bs_auto_whitelist=True,
    )

    assert configuration.settings.user == ""
    assert configuration.layout.whitelists is False


def test_missing_arrays_fall_back_to_the_built_in_layout(tmp_path: Path) -> None:
    only_things = read(tmp_path, '[[things]]\nname = "own"\n[things.metadata]\nexternal_id = ""')
    only_channels = read(tmp_path, '[[channels]]\nname = "own"')

    assert only_things.layout.channels == BUILT_IN_CHANNELS
    assert only_channels.layout.things == BUILT_IN_THINGS


def test_content_comes_from_the_environment_if_the_file_has_none(tmp_path: Path) -> None:
    configuration = read(tmp_path, "", bs_content='{"agent":{"log":{"level":"info"}}}')

    assert configuration.layout.content == {"agent": {"log": {"level": "info"}}}


def test_unknown_keys_are_warned_about_and_ignored(tmp_path: Path) -> None:
    with capture_logs() as logs:
        read(tmp_path, '[server]\nhtpp_port = "1"')

    assert [(log["event"], log["key"]) for log in logs] == [
        ("unknown_key_ignored", "server.htpp_port")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[server", "Expected"),
        ("things = []", "things list in configuration empty"),
        ("channels = []", "channels list in configuration is empty"),
        ("[[channels]]\nname = 1", "Expected `str`, got `int`"),
        ("[[channels]]\n[channels.metadata]\ntype = 'data'", "missing required field `name`"),
        ("[[channels]]\nname = ''", "a channel has no name"),
        (
            "[[things]]\nname='a'\n[things.metadata]\nexternal_id=''\n"
            "[[things]]\nname='b'\n[things.metadata]\nexternal_id=''",
            "more than one thing has external_id",
        ),
        ("[bootstrap]\nprovision = false", "autowhite_list needs bootstrap.provision"),
        ("[bootstrap]\nx509_provision = true", "needs the certs service"),
        ("[server]\nhttp_port = 'no'", "http_port"),
        ("[bootstrap]\nautowhite_list = 'perhaps'", "bs_auto_whitelist"),
        ("[bootstrap]\ncontent = 'text'", "Expected `object`"),
    ],
)
def test_an_unusable_file_is_refused_by_name_and_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(LayoutError, match=r"config\.toml: ") as refused:
        read(tmp_path, text)

    assert reason in str(refused.value)
