"""A whole platform of its own, started the way `make run` starts it, on ports nobody uses."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import MappingProxyType

ROOT = Path(__file__).parents[2]
START_SECONDS = 90
STOP_SECONDS = 30

# The variable that moves each part, and the port it usually has.
USUAL_PORTS = {
    "SMQ_USERS_HTTP_PORT": 9002,
    "SMQ_THINGS_HTTP_PORT": 9000,
    "SMQ_BOOTSTRAP_HTTP_PORT": 9013,
    "SMQ_PROVISION_HTTP_PORT": 9016,
    "SMQ_EMBEDDED_POSTGRES_PORT": 15432,
    "SMQ_EMBEDDED_REDIS_PORT": 16379,
    "SMQ_EMBEDDED_NATS_PORT": 4222,
    "SMQ_EMBEDDED_MQTT_PORT": 1883,
    "SMQ_EMBEDDED_MQTT_WEBSOCKET_PORT": 8080,
    "SMQ_HTTP_ADAPTER_HTTP_PORT": 8008,
    "SMQ_MQTT_AUTH_HTTP_PORT": 8009,
    "SMQ_CERTS_HTTP_PORT": 9019,
    "SMQ_EMBEDDED_HTTPS_PORT": 8443,
    "SMQ_EMBEDDED_MQTTS_PORT": 8883,
}
# Where the guide starts a provision service with credentials of its own.
SECOND_PROVISION_PORT = 9017


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform."""

    data: Path
    ports: Mapping[int, int]
    """The port in use for each usual one."""
    lines: tuple[str, ...]
    """What it told the terminal up to `ready`."""

    @property
    def users(self) -> str:
        return self._url(9002)

    @property
    def things(self) -> str:
        return self._url(9000)

    @property
    def bootstrap(self) -> str:
        return self._url(9013)

    @property
    def provision(self) -> str:
        return self._url(9016)

    @property
    def certs(self) -> str:
        return self._url(9019)

    @property
    def http_adapter(self) -> str:
        return self._url(8008)

    def _url(self, usual_port: int) -> str:
        return f"http://localhost:{self.ports[usual_port]}"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different because all are held until the last is found."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def clean_environment() -> dict[str, str]:
    """The environment without what would lead the platform to somebody else's servers."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SMQ_", "MG_", "MF_")) and not name.lower().endswith("_proxy")
    }


def client_variables(platform: Platform, folder: Path) -> dict[str, str]:
    """What leads programs to this platform, with a place of their own for what they keep."""
    return {
        "SMQ_USERS_URL": platform.users,
        "SMQ_THINGS_URL": platform.things,
        "SMQ_BOOTSTRAP_URL": platform.bootstrap,
        "SMQ_PROVISION_URL": platform.provision,
        "SMQ_CERTS_URL": platform.certs,
        "SMQ_HTTP_ADAPTER_URL": platform.http_adapter,
        "SMQ_CLI_CONFIG": str(folder / "cli" / "cli.json"),
    }


@contextlib.contextmanager
def running_platform(
    folder: Path, further: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Platform]:
    """Start a platform, wait until it is ready and stop it in good order afterwards."""
    ports = dict(zip(USUAL_PORTS.values(), free_ports(len(USUAL_PORTS)), strict=True))
    variables = {name: str(ports[usual]) for name, usual in USUAL_PORTS.items()}
    data = folder / "data"
    with (folder / "stderr.txt").open("w+") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded", "up", "--tls", "--data", str(data)],
            cwd=ROOT,
            env=clean_environment() | variables | dict(further),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        try:
            lines = _wait_until_ready(process, folder / "stderr.txt")
            yield Platform(data=data, ports=ports, lines=tuple(lines))
        finally:
            exit_code = _stop(process)
        assert exit_code == 0, (folder / "stderr.txt").read_text()


def _wait_until_ready(process: subprocess.Popen[str], stderr: Path) -> list[str]:
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        # Goes on to the end, so that the platform never waits for somebody to read.
        assert process.stdout is not None
        with process.stdout as stdout:
            for line in stdout:
                said.put(line.rstrip("\n"))
        said.put(None)

    threading.Thread(target=listen, daemon=True).start()
    lines: list[str] = []
    deadline = monotonic() + START_SECONDS
    while True:
        try:
            line = said.get(timeout=max(0.0, deadline - monotonic()))
        except queue.Empty:
            line = None
        if line is None:
            told = "\n".join([*lines, stderr.read_text()])
            raise AssertionError(f"the platform did not become ready:\n{told}")
        lines.append(line)
        if line.startswith("ready"):
            return lines


def _stop(process: subprocess.Popen[str]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
