"""One supervised child process: started, watched until it is ready, stopped in good order."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from deploy.embedded import launch
from deploy.embedded.accounts import Account
from deploy.embedded.errors import ChildDied, NotReadyInTime
from deploy.embedded.identity import Identity

LOG_LIMIT_BYTES = 10 * 1024 * 1024
_POLL_SECONDS = 0.02
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run as a child, and how to stop it."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(repr=False)
    folder: Path | None = None
    account: Account | None = None
    """Whom to run as, or None to stay who we are."""
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    ready_seconds: float = 60.0
    complaint: re.Pattern[str] | None = None
    """Finds a line of the log that says why the program ended; its first group is the text."""


class Child:
    """A child process of the supervisor. It ends with the supervisor, however that ends."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        self._asked_to_stop = False
        self.identity: Identity | None = None

    @property
    def command(self) -> Command:
        """What this child runs."""
        return self._command

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process; its output is appended to its log."""
        command = self._command
        account = command.account
        rotate_log(command.log)
        log = os.open(command.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._log_start = os.fstat(log).st_size
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", launch.__file__, str(os.getpid()), str(int(command.stop_signal))),
                *((str(account.uid), str(account.gid)) if account else ("-", "-")),
                "--",
                *command.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=command.folder,
                env=command.environment,
                # Ctrl-C in a terminal reaches the supervisor alone, which stops the rest in order.
                start_new_session=True,
            )
        finally:
            os.close(log)
        self.identity = Identity.of(self._process.pid, command.arguments)

    async def until_ready(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Wait until `ready` says yes.

        Raises:
            ChildDied: The process ended first.
            NotReadyInTime: It took longer than the command allows.
        """
        ended = asyncio.ensure_future(self.wait())
        try:
            async with asyncio.timeout(self._command.ready_seconds):
                while not ended.done() and not await ready():
                    await asyncio.wait({ended}, timeout=_POLL_SECONDS)
        except TimeoutError:
            raise NotReadyInTime(
                self._command.name,
                self._command.ready_seconds,
                self._last_line(),
                self._command.log,
            ) from None
        finally:
            ended.cancel()
        if not self.running:
            raise self.death()

    async def wait(self) -> int:
        """Wait until the process has ended and return its exit code (negative: the signal)."""
        assert self._process is not None, "not started"  # noqa: S101
        return await self._process.wait()

    async def died(self) -> ChildDied | None:
        """Wait until the process has ended; None if it was asked to."""
        await self.wait()
        return None if self._asked_to_stop else self.death()

    def death(self) -> ChildDied:
        """How the process ended, for a person."""
        assert self._process is not None, "not started"  # noqa: S101
        code = self._process.returncode or 0
        ending = f"ended with exit code {code}"
        if code < 0:
            ending = f"was ended by {signal.Signals(-code).name}"
        return ChildDied(self._command.name, ending, self._last_line(), self._command.log)

    async def stop(self) -> None:
        """Ask the process to end, and after the grace time end it with all its children."""
        self._asked_to_stop = True
        if self._process is None or not self.running:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._command.stop_signal)
        try:
            async with asyncio.timeout(self._command.grace_seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End the process and all its children at once."""
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                # It leads a session of its own, so its group is its own as well.
                os.killpg(self._process.pid, signal.SIGKILL)

    def _last_line(self) -> str:
        return last_line(self._command.log, self._log_start, self._command.complaint)


def rotate_log(log: Path) -> None:
    """Put a log that has grown large aside, keeping one older one."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def last_line(log: Path, start: int, complaint: re.Pattern[str] | None = None) -> str:
    """The line of a log that says most about why its program ended.

    Args:
        log: The file.
        start: Where the part to look at begins; what stands before is of an earlier run.
        complaint: Matches lines that state an error; the last such line is preferred to the
            very last one.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    lines = [line.strip() for line in lines if line.strip()]
    for line in reversed(lines):
        if complaint is not None and (match := complaint.search(line)):
            return match[1]
    return _message(lines[-1]) if lines else ""


def _message(line: str) -> str:
    """The text of a log line, which services write as JSON."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return line
    texts = (fields.get(name) for name in ("event", "message", "error"))
    return ": ".join(str(text) for text in texts if text) or line
