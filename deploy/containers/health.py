"""The image's health check: whether the service in this container says it is ready.

Run by itself every few seconds, so it imports next to nothing.
"""

import os
import socket
import sys
from collections.abc import Mapping

PORTS = {
    "users": 9002,
    "things": 9000,
    "bootstrap": 9013,
    "provision": 9016,
    "certs": 9019,
    "http_adapter": 8008,
    "mqtt_auth": 8009,
}
_TIMEOUT_SECONDS = 4


def main() -> int:
    """0 if it is ready, else 1; says what it answers, or why it does not."""
    with open("/proc/1/cmdline", "rb") as file:  # noqa: PTH123 - pathlib costs as much as the rest
        name = service_of(file.read())
    if name is None:
        print("no service of ours runs here")
        return 1
    port = port_of(name, os.environ)
    try:
        answer = ask(port)
    except OSError as error:
        print(f"{name} does not answer on port {port}: {error}")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    print(body.decode(errors="replace"))
    return 0 if head.split()[1:2] == [b"200"] else 1


def ask(port: int) -> bytes:
    """The whole answer to `GET /ready`."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, timeout=_TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with connection.makefile("rb") as answer:
            return answer.read()


def service_of(command_line: bytes) -> str | None:
    """The service that the container's first process is, or has started."""
    words = command_line.replace(b" ", b"\0").split(b"\0")
    return next((name for name in PORTS if name.encode() in words), None)


def port_of(name: str, environment: Mapping[str, str]) -> int:
    """Where it listens, by the variable in all its spellings."""
    for prefix in ("SMQ", "MG", "MF"):
        if port := environment.get(f"{prefix}_{name.upper()}_HTTP_PORT"):
            return int(port)
    return PORTS[name]


if __name__ == "__main__":
    sys.exit(main())
