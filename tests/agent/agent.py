"""Reads a device answer exactly as the Agents in the field do, and is as strict as they are.

The Agents cannot be changed, so this module is the measure for what bootstrap sends: three
generations of them read the same answer under different member names. Where the real ones panic
later (a heartbeat of zero, mutual TLS without a certificate) this one refuses at once.
"""

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from yarl import URL

FETCH_TIMEOUT_SECONDS = 10
NANOSECONDS_PER_SECOND = 1_000_000_000

# The units of Go's time.ParseDuration, in which the Agents read their intervals.
UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")

QualityOfService = Annotated[int, msgspec.Meta(ge=0, le=2)]


Shape = TypeVar("Shape")


class Refused(Exception):
    """The Agent cannot work with what it was given; the text says why."""


# --- what the content holds --------------------------------------------------------------------


class Server(msgspec.Struct, frozen=True, kw_only=True):
    port: str = ""
    broker_url: str = ""
    nats_url: str = ""


class Edgex(msgspec.Struct, frozen=True, kw_only=True):
    url: str = ""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    level: str = ""


class AgentMqtt(msgspec.Struct, frozen=True, kw_only=True):
    url: str = ""
    mtls: bool = False
    qos: QualityOfService = 0
    retain: bool = False
    skip_tls_ver: bool = False


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    interval: str | int | float


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    session_timeout: str | int | float


class AgentContent(msgspec.Struct, frozen=True, kw_only=True):
    server: Server = Server()
    edgex: Edgex = Edgex()
    log: Log = Log()
    mqtt: AgentMqtt = AgentMqtt()
    heartbeat: Heartbeat | None = None
    terminal: Terminal | None = None


class ExportServer(msgspec.Struct, frozen=True, kw_only=True):
    log_level: str = ""
    nats: str = ""
    port: str = ""
    cache_url: str = ""
    cache_pass: str = ""
    cache_db: str = ""


class ExportMqtt(msgspec.Struct, frozen=True, kw_only=True):
    host: str = ""
    username: str = ""
    password: str = ""
    channel: str = ""
    ca_path: str = ""
    cert_path: str = ""
    priv_key_path: str = ""
    mtls: bool = False
    qos: QualityOfService = 0
    retain: bool = False
    skip_tls_ver: bool = False


class ExportRoute(msgspec.Struct, frozen=True, kw_only=True):
    mqtt_topic: str = ""
    nats_topic: str = ""
    subtopic: str = ""
    type: str = ""
    workers: int = 0


class ExportContent(msgspec.Struct, frozen=True, kw_only=True):
    exp: ExportServer = ExportServer()
    mqtt: ExportMqtt = ExportMqtt()
    routes: tuple[ExportRoute, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    agent: AgentContent = AgentContent()
    export: ExportContent = ExportContent()


# --- what bootstrap answers, as each generation names it -----------------------------------------


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str = ""
    metadata: dict[str, Any] | None = None


class MainfluxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the Agents built up to the middle of 2023."""

    identity: str = msgspec.field(name="mainflux_id")
    key: str = msgspec.field(name="mainflux_key")
    channels: tuple[Channel, ...] = msgspec.field(name="mainflux_channels")
    content: str
    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class ThingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the Go client library and of the Agents built on it."""

    identity: str = msgspec.field(name="thing_id")
    key: str = msgspec.field(name="thing_key")
    channels: tuple[Channel, ...]
    content: str
    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class ClientAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the latest upstream releases."""

    identity: str = msgspec.field(name="client_id")
    key: str = msgspec.field(name="client_secret")
    channels: tuple[Channel, ...]
    content: str
    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


DeviceAnswer = MainfluxAnswer | ThingAnswer | ClientAnswer
GENERATIONS: tuple[type[DeviceAnswer], ...] = (MainfluxAnswer, ThingAnswer, ClientAnswer)


# --- what the Agent makes of it ------------------------------------------------------------------


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    client_cert: str
    client_key: str
    ca_cert: str


class AgentSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration with which the Agent would now connect."""

    mqtt_username: str
    mqtt_password: str
    control_channel: str
    data_channel: str
    content: Content
    heartbeat_interval_seconds: float | None
    terminal_timeout_seconds: float | None
    certificates: Certificates | None
    export: ExportContent


def bootstrap_url(url: str, external_id: str) -> URL:
    """The address of one gateway's configuration; ids may hold any character, `/` included."""
    return URL(f"{url.rstrip('/')}/{quote(external_id, safe='')}", encoded=True)


async def fetch(url: str, external_id: str, external_key: str) -> bytes:
    """Ask bootstrap for this gateway's configuration, once.

    Args:
        url: Where gateways ask, such as `http://localhost:9013/things/bootstrap`.

    Raises:
        Refused: The service answered with a status of 400 or more.
    """
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_SECONDS)
    headers = {"Authorization": f"Thing {external_key}"}
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(bootstrap_url(url, external_id), headers=headers) as answer,
    ):
        body = await answer.read()
        if answer.status >= 400:
            raise Refused(f"bootstrap answered {answer.status}")
        return body


def read_answer(body: bytes, generation: type[DeviceAnswer]) -> AgentSetup:
    """Make the Agent's own configuration out of a device answer.

    Args:
        body: The answer as it came over the wire.
        generation: The names under which this Agent looks for its members.

    Raises:
        Refused: An Agent of that generation would not start with this answer.
    """
    answer = _decode(body, generation)
    if not answer.identity or not answer.key:
        raise Refused("no identity or key to connect with")
    if len(answer.channels) < 2:
        raise Refused("malformed entity specification: fewer than two channels")

    content = _decode(answer.content.encode(), Content)
    agent = content.agent
    certificates = _certificates(answer)
    if agent.mqtt.mtls:
        _check_usable(certificates)

    control, data = answer.channels[:2]
    if (control.metadata or {}).get("type") == "data":
        control, data = data, control
    return AgentSetup(
        mqtt_username=answer.identity,
        mqtt_password=answer.key,
        control_channel=control.id,
        data_channel=data.id,
        content=content,
        heartbeat_interval_seconds=(
            duration_seconds(agent.heartbeat.interval) if agent.heartbeat else None
        ),
        terminal_timeout_seconds=(
            duration_seconds(agent.terminal.session_timeout) if agent.terminal else None
        ),
        certificates=certificates,
        export=_fill_export(content.export, answer=answer, data_channel=data.id),
    )


def duration_seconds(value: str | float) -> float:
    """A time span as the Agents write it: text such as `1h30m`, or a number of nanoseconds.

    Raises:
        Refused: It cannot be read, or is not longer than nothing (their timers refuse that).
    """
    if isinstance(value, str):
        if not re.fullmatch(f"(?:{DURATION_PART.pattern})+", value):
            raise Refused(f"invalid duration {value!r}")
        seconds = sum(
            float(number) * UNIT_SECONDS[unit] for number, unit in DURATION_PART.findall(value)
        )
    else:
        seconds = value / NANOSECONDS_PER_SECOND
    if seconds <= 0:
        raise Refused(f"duration {value!r} is not positive")
    return seconds


def _decode(text: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(str(error)) from error


def _certificates(answer: DeviceAnswer) -> Certificates | None:
    if bool(answer.client_cert) != bool(answer.client_key):
        raise Refused("a certificate and its key come together or not at all")
    if not answer.client_cert:
        return None
    return Certificates(
        client_cert=answer.client_cert, client_key=answer.client_key, ca_cert=answer.ca_cert
    )


def _check_usable(certificates: Certificates | None) -> None:
    """Do what loading the pair for mutual TLS does."""
    if certificates is None:
        raise Refused("mutual TLS without a certificate")
    try:
        certificate = x509.load_pem_x509_certificate(certificates.client_cert.encode())
        key = serialization.load_pem_private_key(certificates.client_key.encode(), password=None)
        x509.load_pem_x509_certificates(certificates.ca_cert.encode())
    except ValueError as error:
        raise Refused(f"unreadable certificate, key or authority: {error}") from error
    if certificate.public_key() != key.public_key():
        raise Refused("the key does not belong to the certificate")


def _fill_export(
    export: ExportContent, *, answer: DeviceAnswer, data_channel: str
) -> ExportContent:
    """Complete the configuration of Export, which runs beside the Agent on the same identity."""
    topic = f"channels/{data_channel}/messages"
    return msgspec.structs.replace(
        export,
        mqtt=msgspec.structs.replace(
            export.mqtt,
            username=export.mqtt.username or answer.identity,
            password=export.mqtt.password or answer.key,
        ),
        routes=tuple(
            msgspec.structs.replace(route, mqtt_topic=route.mqtt_topic or topic)
            for route in export.routes
        ),
    )
