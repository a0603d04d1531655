"""`supermq` with stand-in services, on ports of its own, as the tests drive it."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.identity import Identity
from deploy.embedded.ports import is_taken
from deploy.embedded.record import RunRecord, read_record

SERVICES = ("users", "things", "bootstrap", "certs", "provision", "http_adapter", "mqtt_auth")
SERVERS = ("postgres", "valkey", "nats")
PATIENCE_SECONDS = 40


def _own_ports() -> Iterator[int]:
    """Ports of this worker alone, below those the system hands out."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20000 + worker % 24 * 500
    while True:
        yield from (port for port in range(first, first + 500) if not is_taken(port))


_PORTS = _own_ports()


class Supermq:
    """The command, and what it started."""

    def __init__(
        self,
        data: Path,
        journal: Path,
        *,
        python: str = sys.executable,
        user: int | None = None,
    ) -> None:
        self._command = (python, str(Path(__file__).with_name("supermq_with_stand_ins.py")))
        self._user = user
        self.data = data
        self.journal = journal
        others = ("postgres", "redis", "nats", "mqtt", "mqtt_websocket", "https", "mqtts")
        self.ports = {name: next(_PORTS) for name in (*SERVICES, *others)}
        self.lines: list[str] = []
        self._processes: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        """The environment the command is run in."""
        clean = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("SMQ_", "MG_", "MF_"))
        }
        ports = {
            f"SMQ_{name.upper()}_HTTP_PORT"
            if name in SERVICES
            else f"SMQ_EMBEDDED_{name.upper()}_PORT": str(port)
            for name, port in self.ports.items()
        }
        return {
            **clean,
            **ports,
            "SMQ_DATA_DIR": str(self.data),
            "STAND_IN_JOURNAL": str(self.journal),
        }

    def up(
        self, environment: Mapping[str, str] | None = None, *, tls: bool = False
    ) -> subprocess.Popen[str]:
        """Run `supermq up`, or `supermq up --tls`, and return at once."""
        process = subprocess.Popen(
            [*self._command, "up", *(["--tls"] if tls else [])],
            env={**self.environment, **(environment or {})},
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def up_and_ready(
        self, environment: Mapping[str, str] | None = None, *, tls: bool = False
    ) -> subprocess.Popen[str]:
        """Run `supermq up` until it says it is ready; `lines` is what it said."""
        process = self.up(environment, tls=tls)
        assert process.stdout is not None
        self.lines = []
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("ready "):
                return process
        assert process.stderr is not None
        pytest.fail(f"not ready: {process.stderr.read()}")

    def failing_up(self, environment: Mapping[str, str] | None = None, *, tls: bool = False) -> str:
        """Run `supermq up` until it gives up, and return the one line it says about it."""
        return self.complaint(self.up(environment, tls=tls))

    def complaint(self, process: subprocess.Popen[str]) -> str:
        """Wait until a run fails, and return the one line it says about it."""
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 1
        assert errors.startswith("supermq: ")
        assert errors.count("\n") == 1, errors
        return errors

    def stop(self, process: subprocess.Popen[str]) -> str:
        """Stop a run as Ctrl-C or an init system would, and return what it still said."""
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, errors) == (0, "")
        return said

    def call(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run another of its commands."""
        return subprocess.run(
            [*self._command, *arguments],
            env=self.environment,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            input=answer,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def status(self) -> dict[str, Any]:
        """What `supermq status --json` says."""
        found: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return found

    def get(self, service: str, path: str) -> Any:
        """Ask a stand-in."""
        url = f"http://127.0.0.1:{self.ports[service]}{path}"
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.load(response)

    def record(self) -> RunRecord:
        """What the run has written down."""
        record = read_record(self.data / "run.json")
        assert record is not None
        return record

    def children(self) -> dict[str, Identity]:
        """The processes of all parts."""
        return {part.name: part.identity for part in self.record().parts if part.identity}

    def end(self) -> None:
        """Stop what a test has left running."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
            with contextlib.suppress(ValueError):  # its output has been read already
                process.communicate(timeout=PATIENCE_SECONDS)


def wait_until_gone(identity: Identity) -> None:
    """Wait until a process has ended."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        if identity.alive():
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            assert poll.poll(PATIENCE_SECONDS * 1000), f"{identity} still runs"
    finally:
        os.close(handle)
