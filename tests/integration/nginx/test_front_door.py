"""The front door: the real nginx with the configuration of the repository."""

import base64
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.nginx.door import ABSENT, Door, ask, running_door

HEADERS = {
    "strict-transport-security": "max-age=63072000; includeSubdomains",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "*",
}
MIB = 1 << 20


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """One nginx for the tests of this module."""
    with running_door() as running:
        yield running


@pytest.mark.parametrize(
    ("path", "service", "target"),
    [
        ("/users?limit=1", "users", "/users?limit=1"),
        ("/users/policies/a/b", "users", "/policies/a/b"),
        ("/things/policies?limit=1", "things", "/policies?limit=1"),
        (
            "/things/bootstrap/B8:27%2F1%20%C3%BC",
            "bootstrap",
            "/things/bootstrap/B8:27%2F1%20%C3%BC",
        ),
        ("/things/configs//x", "bootstrap", "/things/configs//x"),
        ("/channels/1/messages/a.b?c", "http_adapter", "/channels/1/messages/a.b?c"),
        ("/http/channels/1/messages", "http_adapter", "/channels/1/messages"),
        ("/channels/1/things", "things", "/channels/1/things"),
        ("/mapping?dry_run=true", "provision", "/mapping?dry_run=true"),
        ("/health/provision", "provision", "/health"),
    ],
)
def test_a_path_reaches_its_service_as_it_was_sent(
    door: Door, path: str, service: str, target: str
) -> None:
    answer = door.ask(path)

    assert (answer.status, answer.body["service"]) == (200, service)
    assert answer.body["target"] == target


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/internal/tokens/exchange",
        "/internal/sets/x%2f..%2f..%2f..%2fthings",
        "/things/../internal/tokens/exchange",
        "/channels/1/access",
        "/channels/1/%61ccess/by-id",
        "/metrics",
        "/ready",
        "/health/nobody",
    ],
)
def test_what_is_internal_or_unknown_is_not_there(door: Door, path: str) -> None:
    answer = door.ask(path)

    assert answer.status == 404
    assert answer.body["code"] == "not_found"
    assert answer.body["request_id"] == answer.headers["x-request-id"]


def test_a_service_that_does_not_run_is_unavailable_and_no_other_is(door: Door) -> None:
    answer = door.ask(f"/health/{ABSENT}")

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["retry-after"] == "5"
    assert answer.body["code"] == "unavailable"
    assert answer.body["message"] == "service temporarily unavailable"
    assert door.ask("/health/users").status == 200


@pytest.mark.parametrize("path", ["/things", "/nothing", f"/{ABSENT}", "/health"])
def test_the_headers_of_the_front_door_are_on_every_answer(door: Door, path: str) -> None:
    answer = door.ask(path)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["server"] == "nginx"


def test_the_front_door_answers_for_itself(door: Door) -> None:
    answer = door.ask("/health")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert (answer.body["status"], answer.body["description"]) == ("pass", "nginx service")
    assert door.ask("/health", "POST", body=b"{}").status == 405


def test_services_are_told_who_calls_and_not_what_the_caller_claims(door: Door) -> None:
    claimed = {"X-Forwarded-For": "192.0.2.7", "X-Request-Id": "mine-1", "X-Forwarded-Proto": "x"}

    told = door.ask("/things", headers=claimed).body["headers"]

    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "https"
    assert told["host"] == f"localhost:{door.port}"
    assert told["x-request-id"] == "mine-1"
    assert door.ask("/things", headers={"X-Request-Id": "no good"}).headers["x-request-id"] != (
        "no good"
    )


def test_a_balancer_that_is_named_may_say_who_calls() -> None:
    with running_door({"NGINX_BALANCER": "127.0.0.0/8"}) as door:
        told = door.ask("/things", headers={"X-Forwarded-For": "192.0.2.7"}).body["headers"]

    assert told["x-forwarded-for"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/things", MIB, 200),
        ("/things", MIB + 1, 413),
        ("/things/bulk", 16 * MIB, 200),
        ("/channels/bulk", 16 * MIB + 1, 413),
    ],
)
def test_bodies_have_the_sizes_that_services_read(
    door: Door, path: str, size: int, status: int
) -> None:
    answer = door.ask(path, "POST", body=bytes(size))

    assert answer.status == status
    if status == 200:
        assert answer.body["bytes"] == size
    else:
        assert answer.body["code"] == "too_large"


def test_what_nginx_cannot_read_is_refused_in_the_shape_of_the_services(door: Door) -> None:
    assert door.ask("/things", headers={"X-Long": "x" * 20_000}).body["code"] == "headers_too_large"
    assert door.ask("/things/" + "x" * 20_000).body["code"] == "uri_too_long"
    assert door.ask("/../things").body["code"] == "bad_request"


def test_plain_http_is_told_that_this_is_not_the_way(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as plain:
        plain.sendall(b"GET /things HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with plain.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "bad_request"


def test_passwords_are_limited_per_address_and_other_calls_are_not() -> None:
    with running_door({"NGINX_PASSWORD_RATE": "1r/m"}) as door:
        with contextlib.closing(door.connect()) as connection:
            # However it is written: the service would read it, too.
            logins = [
                ask(connection, "/users/tokens/%69ssue", "POST", body=b"{}") for _ in range(102)
            ]

        assert [answer.status for answer in logins] == [200] * 101 + [429]
        assert logins[-1].body["code"] == "too_many_requests"
        assert logins[-1].headers["retry-after"] == "1"
        assert door.ask("/users", "GET").status == 200


def test_a_browser_may_send_a_token_from_another_site(door: Door) -> None:
    asked = {"Origin": "https://console.example", "Access-Control-Request-Method": "PUT"}

    answer = door.ask("/things/1", "OPTIONS", headers=asked)

    assert answer.status == 204
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert door.ask("/things/1", "OPTIONS").body["method"] == "OPTIONS"


@pytest.mark.parametrize(
    ("version", "works"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_begins_with_1_2(door: Door, version: ssl.TLSVersion, works: bool) -> None:
    context = door.context()
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the server that refuses
    context.minimum_version = context.maximum_version = version

    for port in (door.port, door.mqtts_port):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            if works:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    assert secure.version() == f"TLSv1.{2 if version.name[-1] == '2' else 3}"
            else:
                with pytest.raises(ssl.SSLError, match="alert protocol version"):
                    context.wrap_socket(plain, server_hostname="localhost")


def test_a_client_without_the_authority_does_not_trust_it(door: Door) -> None:
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=20) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_speaks_http_2_with_the_authority_it_is_given(door: Door) -> None:
    command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_version} %{http_code}"]

    told = subprocess.run(
        [*command, "--cacert", str(door.authority), f"https://localhost:{door.port}/things"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
    )

    assert told.stdout == "2 200"


def test_mqtt_over_tls_is_decrypted_and_passed_to_the_broker(door: Door) -> None:
    with (
        socket.create_connection(("127.0.0.1", door.mqtts_port), timeout=20) as plain,
        door.context().wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"CONNECT")

        assert secure.recv(100) == b"broker heard CONNECT"


def test_mqtt_over_websocket_is_passed_to_the_broker(door: Door) -> None:
    handshake = (
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
    )
    frame = bytes([0x82, 0x80 | 4]) + bytes(4) + b"ping"  # binary, masked with zeros
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=20) as plain,
        door.context().wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(handshake.encode() + frame)
        heard = b""
        while not heard.endswith(b"broker heard ping"):
            heard += (more := secure.recv(1000))
            assert more, heard

    assert heard.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Protocol: mqtt" in heard
