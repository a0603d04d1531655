"""Runs `supermq-cli` as a program of its own: in a pipe, or on a terminal somebody sits at."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.e2e.running import ROOT

PROGRAM = (sys.executable, "-m", "cli")
DEADLINE_SECONDS = 60


def in_pipe(
    environment: Mapping[str, str], *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end, as a script does."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=dict(environment),
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


class Terminal:
    """A program on a pseudo-terminal, and the person in front of it."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.seen = ""
        self._screen = screen

    def read_until(self, text: str) -> None:
        """Wait until something is to be seen."""
        deadline = monotonic() + DEADLINE_SECONDS
        while text not in self.seen:
            if monotonic() > deadline or not self._read():
                raise AssertionError(f"{text!r} is not to be seen in {self.seen!r}")

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{text}\n".encode())

    def end(self) -> int:
        """Wait for the end; answers the exit code."""
        while self._read():
            pass
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], DEADLINE_SECONDS)
        try:
            content = os.read(self._screen, 65536) if ready else b""
        except OSError:  # Linux says so when nobody is left on the other side
            return False
        self.seen += content.decode(errors="replace")
        return bool(content)


@contextmanager
def on_terminal(environment: Mapping[str, str], *arguments: str) -> Iterator[Terminal]:
    """Run a command line on a terminal of 120 columns."""
    screen, keyboard = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env={**environment, "TERM": "xterm", "COLUMNS": "120"},
        cwd=ROOT,
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
    )
    os.close(keyboard)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def command_line_of(process_id: int) -> str:
    """What `ps` shows of a process."""
    return Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" ").decode()
