"""What the gateway's programs read is what the answer says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.agent import write_files
from cli.choices import CliError
from cli.sealed import decrypt, encrypt
from cli.toml import write_toml
from tests.agent.agent import ThingAnswer, read_answer
from tests.e2e.running import ROOT

LAYOUT = ROOT / "deploy/addons/provision/configs/config.toml"
CONTENT = tomllib.loads(LAYOUT.read_text())["bootstrap"]["content"]
CHANNELS = [
    {"id": "d", "name": "data", "metadata": {"type": "data"}},
    {"id": "c", "name": "control", "metadata": {"type": "control"}},
    {"id": "e", "name": "export", "metadata": {"type": "export"}},
]
ANSWER = {
    "thing_id": "id",
    "thing_key": "key",
    "channels": CHANNELS,
    "content": json.dumps(CONTENT),
    "client_cert": "-----BEGIN CERTIFICATE-----\n",
    "client_key": "-----BEGIN PRIVATE KEY-----\n",
    "ca_cert": "-----BEGIN CERTIFICATE-----\n",
}


def answer(**changed: Any) -> bytes:
    members = {**ANSWER, **changed}
    return json.dumps(
        {name: value for name, value in members.items() if value is not None}
    ).encode()


def test_the_files_say_what_an_agent_makes_of_the_answer(tmp_path: Path) -> None:
    files = {file.name: file for file in write_files(tmp_path / "agent", answer())}
    agent = read_answer(answer(), ThingAnswer)

    config = tomllib.loads(files["config.toml"].read_text())
    assert config["channels"] == {"control": agent.control_channel, "data": agent.data_channel}
    assert config["mqtt"]["username"] == agent.mqtt_username
    assert config["mqtt"]["password"] == agent.mqtt_password
    assert config["server"] == CONTENT["agent"]["server"]
    export = tomllib.loads(files["export.toml"].read_text())
    assert [route["mqtt_topic"] for route in export["routes"]] == [
        route.mqtt_topic for route in agent.export.routes
    ]
    assert export["mqtt"]["username"] == agent.export.mqtt.username
    assert files["thing.key"].read_text() == ANSWER["client_key"]
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}


def test_without_certificates_there_are_no_files_of_them(tmp_path: Path) -> None:
    files = write_files(tmp_path, answer(client_cert=None, client_key=None, ca_cert=None))

    assert [file.name for file in files] == ["device.json", "config.toml", "export.toml"]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"content": None}, "not what an Agent reads"),
        ({"content": "plain words"}, "not what an Agent reads"),
        ({"content": '{"agent": []}'}, "not what an Agent reads"),
        ({"channels": CHANNELS[:1]}, "needs two channels"),
    ],
)
def test_an_answer_no_agent_could_use_is_refused(
    changed: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(CliError, match=complaint):
        write_files(tmp_path / "agent", answer(**changed))

    assert not (tmp_path / "agent").exists()


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXT
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_toml_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(document)) == document


def test_what_toml_does_not_have_is_left_out() -> None:
    assert tomllib.loads(write_toml({"a": None, "b": [1, None], "c": [{"d": None}]})) == {
        "b": [1],
        "c": [{}],
    }


def test_a_sealed_message_is_opened_by_its_key_alone() -> None:
    key = b"v7aT0HGxJxt2gULzr3RHwf4WIf6DusPp"
    vector = bytes.fromhex("000102030405060708090a0b0c0d0e0f711b9fd6247436d7792d0f")

    assert decrypt(key, vector) == b"key-288113t"
    assert decrypt(key, encrypt(key, b"text")) == b"text"
    assert decrypt(key[::-1], vector) != b"key-288113t"
