"""The Agent stand-in reads every generation's names and refuses what an Agent would refuse."""

import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from tests.agent.agent import (
    GENERATIONS,
    DeviceAnswer,
    MainfluxAnswer,
    Refused,
    ThingAnswer,
    bootstrap_url,
    duration_seconds,
    read_answer,
)

IDENTITY = "c22b0c0f-8c03-40da-a06b-37ed3a72c8d1"
KEY = "007cce56-e0eb-40d6-b2b9-ed348a97d1eb"
CONTROL = {"id": "control-id", "name": "control-channel", "metadata": {"type": "control"}}
DATA = {"id": "data-id", "name": "data-channel", "metadata": {"type": "data"}}
EXPORT = {"id": "export-id", "name": "export-channel", "metadata": {"type": "export"}}


def make_content() -> dict[str, Any]:
    return {
        "agent": {
            "server": {"port": "9000", "nats_url": "localhost:4222"},
            "edgex": {"url": "http://localhost:48090/api/v1/"},
            "log": {"level": "info"},
            "mqtt": {"url": "localhost:1883", "mtls": False, "qos": 0, "skip_tls_ver": True},
            "heartbeat": {"interval": "30s"},
            "terminal": {"session_timeout": 30_000_000_000},
        },
        "export": {
            "exp": {"port": "8172", "log_level": "debug"},
            "mqtt": {"host": "tcp://localhost:1883", "username": "", "password": ""},
            "routes": [
                {"mqtt_topic": "", "nats_topic": "channels", "type": "mfx", "workers": 10},
                {"mqtt_topic": "own/topic", "nats_topic": "export", "workers": 10},
            ],
        },
    }


def make_answer(
    channels: list[dict[str, Any]] | None = None,
    content: dict[str, Any] | str | None = None,
    leave_out: tuple[str, ...] = (),
    **members: Any,
) -> bytes:
    """A device answer in every naming."""
    channels = [CONTROL, DATA, EXPORT] if channels is None else channels
    content = make_content() if content is None else content
    answer = {
        "thing_id": IDENTITY,
        "thing_key": KEY,
        "channels": channels,
        "mainflux_id": IDENTITY,
        "mainflux_key": KEY,
        "mainflux_channels": channels,
        "client_id": IDENTITY,
        "client_secret": KEY,
        "id": IDENTITY,
        "content": content if isinstance(content, str) else json.dumps(content),
    } | members
    for name in leave_out:
        del answer[name]
    return json.dumps(answer).encode()


def make_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def key_text(key: ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def certificate_text(key: ed25519.Ed25519PrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, IDENTITY)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, None)
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_reads_one_and_the_same_answer(generation: type[DeviceAnswer]) -> None:
    setup = read_answer(make_answer(), generation)

    assert (setup.mqtt_username, setup.mqtt_password) == (IDENTITY, KEY)
    assert (setup.control_channel, setup.data_channel) == ("control-id", "data-id")
    assert setup.content.agent.server.nats_url == "localhost:4222"
    assert setup.heartbeat_interval_seconds == 30
    assert setup.terminal_timeout_seconds == 30
    assert setup.certificates is None


def test_export_gets_the_data_channel_and_the_identity_where_it_has_none() -> None:
    export = read_answer(make_answer(), MainfluxAnswer).export

    assert [route.mqtt_topic for route in export.routes] == [
        "channels/data-id/messages",
        "own/topic",
    ]
    assert (export.mqtt.username, export.mqtt.password) == (IDENTITY, KEY)


def test_export_keeps_an_identity_of_its_own() -> None:
    content = make_content()
    content["export"]["mqtt"] |= {"username": "exporter", "password": "secret"}

    export = read_answer(make_answer(content=content), MainfluxAnswer).export

    assert (export.mqtt.username, export.mqtt.password) == ("exporter", "secret")


def test_the_first_two_channels_are_swapped_when_the_first_says_it_is_data() -> None:
    setup = read_answer(make_answer(channels=[DATA, CONTROL]), MainfluxAnswer)

    assert (setup.control_channel, setup.data_channel) == ("control-id", "data-id")


def test_channels_are_taken_by_place_whatever_else_they_say() -> None:
    setup = read_answer(make_answer(channels=[EXPORT, CONTROL, DATA]), MainfluxAnswer)

    assert (setup.control_channel, setup.data_channel) == ("export-id", "control-id")


def test_channels_without_metadata_are_taken_by_place() -> None:
    plain: list[dict[str, Any]] = [{"id": "first", "metadata": None}, {"id": "second"}]

    setup = read_answer(make_answer(channels=plain), MainfluxAnswer)

    assert (setup.control_channel, setup.data_channel) == ("first", "second")


def test_heartbeat_and_terminal_may_be_missing_altogether() -> None:
    setup = read_answer(make_answer(content="{}"), MainfluxAnswer)

    assert setup.heartbeat_interval_seconds is None
    assert setup.terminal_timeout_seconds is None


def test_certificates_are_taken_over_as_they_are() -> None:
    answer = make_answer(client_cert="CERT", client_key="CKEY", ca_cert="CA")

    certificates = read_answer(answer, MainfluxAnswer).certificates

    assert certificates is not None
    assert (certificates.client_cert, certificates.client_key) == ("CERT", "CKEY")
    assert certificates.ca_cert == "CA"


def test_mutual_tls_accepts_a_certificate_with_its_own_key() -> None:
    key = make_key()
    content = make_content()
    content["agent"]["mqtt"]["mtls"] = True
    certificate = certificate_text(key)
    answer = make_answer(
        content=content, client_cert=certificate, client_key=key_text(key), ca_cert=certificate
    )

    assert read_answer(answer, MainfluxAnswer).certificates is not None


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "names",
    [
        ("thing_id", "mainflux_id", "client_id"),
        ("thing_key", "mainflux_key", "client_secret"),
        ("channels", "mainflux_channels"),
        ("content",),
    ],
)
def test_an_answer_without_its_own_names_is_refused(
    generation: type[DeviceAnswer], names: tuple[str, ...]
) -> None:
    answer = make_answer(leave_out=names)

    with pytest.raises(Refused, match="missing required field"):
        read_answer(answer, generation)


def test_the_old_agent_does_not_find_the_newer_names() -> None:
    answer = make_answer(leave_out=("mainflux_channels",))

    assert read_answer(answer, ThingAnswer).control_channel == "control-id"
    with pytest.raises(Refused, match="mainflux_channels"):
        read_answer(answer, MainfluxAnswer)


@pytest.mark.parametrize("channels", [[], [CONTROL]])
def test_fewer_than_two_channels_are_refused(channels: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused, match="malformed entity specification"):
        read_answer(make_answer(channels=channels), MainfluxAnswer)


@pytest.mark.parametrize(
    "content", ["", "none", "[]", "null", '"text"', "{} {}", '{"agent":{"log":"info"}}']
)
def test_content_that_is_not_the_json_text_of_a_configuration_is_refused(content: str) -> None:
    with pytest.raises(Refused):
        read_answer(make_answer(content=content), MainfluxAnswer)


def test_content_sent_as_an_object_instead_of_text_is_refused() -> None:
    answer = json.loads(make_answer())
    answer["content"] = make_content()

    with pytest.raises(Refused):
        read_answer(json.dumps(answer).encode(), MainfluxAnswer)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"content": "\xff"}'])
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_answer(body, MainfluxAnswer)


@pytest.mark.parametrize("part", ["heartbeat", "terminal"])
@pytest.mark.parametrize("value", [{}, {"interval": None, "session_timeout": None}])
def test_heartbeat_and_terminal_need_their_value(part: str, value: dict[str, None]) -> None:
    content = make_content()
    content["agent"][part] = value

    with pytest.raises(Refused):
        read_answer(make_answer(content=content), MainfluxAnswer)


@pytest.mark.parametrize(
    ("section", "member", "value"),
    [
        ("server", "port", 9000),
        ("log", "level", None),
        ("mqtt", "mtls", "false"),
        ("mqtt", "qos", "0"),
        ("mqtt", "qos", 3),
        ("heartbeat", "interval", True),
        ("heartbeat", "interval", "often"),
    ],
)
def test_members_of_a_wrong_type_are_refused(section: str, member: str, value: object) -> None:
    content = make_content()
    content["agent"][section] = {member: value}

    with pytest.raises(Refused):
        read_answer(make_answer(content=content), MainfluxAnswer)


@pytest.mark.parametrize("members", [{"mainflux_id": ""}, {"mainflux_key": ""}])
def test_an_empty_identity_or_key_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="no identity or key"):
        read_answer(make_answer(**members), MainfluxAnswer)


@pytest.mark.parametrize("members", [{"client_cert": "CERT"}, {"client_key": "CKEY"}])
def test_half_a_certificate_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="together or not at all"):
        read_answer(make_answer(**members), MainfluxAnswer)


def test_mutual_tls_without_a_certificate_is_refused() -> None:
    content = make_content()
    content["agent"]["mqtt"]["mtls"] = True

    with pytest.raises(Refused, match="without a certificate"):
        read_answer(make_answer(content=content), MainfluxAnswer)


def test_mutual_tls_with_unreadable_text_is_refused() -> None:
    content = make_content()
    content["agent"]["mqtt"]["mtls"] = True
    answer = make_answer(content=content, client_cert="CERT", client_key="CKEY", ca_cert="CA")

    with pytest.raises(Refused, match="unreadable"):
        read_answer(answer, MainfluxAnswer)


def test_mutual_tls_with_the_key_of_another_certificate_is_refused() -> None:
    content = make_content()
    content["agent"]["mqtt"]["mtls"] = True
    certificate = certificate_text(make_key())
    answer = make_answer(
        content=content,
        client_cert=certificate,
        client_key=key_text(make_key()),
        ca_cert=certificate,
    )

    with pytest.raises(Refused, match="does not belong"):
        read_answer(answer, MainfluxAnswer)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("100ms", 0.1),
        ("2us", 2e-6),
        (30_000_000_000, 30),
        (1.5e9, 1.5),
    ],
)
def test_durations_are_text_with_units_or_nanoseconds(value: str | float, seconds: float) -> None:
    assert duration_seconds(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "30", "s", "30 s", "30s ", "1d", "-30s", "0s", 0, -1])
def test_durations_that_cannot_drive_a_timer_are_refused(value: str | float) -> None:
    with pytest.raises(Refused):
        duration_seconds(value)


@pytest.mark.parametrize(
    ("external_id", "path"),
    [
        ("gateway", "gateway"),
        ("33:52:79:C3:43", "33%3A52%3A79%3AC3%3A43"),
        ("rack/1 ü?", "rack%2F1%20%C3%BC%3F"),
    ],
)
def test_external_ids_are_percent_encoded(external_id: str, path: str) -> None:
    url = bootstrap_url("http://localhost:9013/things/bootstrap/", external_id)

    assert str(url) == f"http://localhost:9013/things/bootstrap/{path}"
