"""Telling our own processes from strangers, also when process numbers are used again."""

import contextlib
import os
import select
import signal
from pathlib import Path

import msgspec


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Enough to recognise one process: its number, when it started and its command line."""

    pid: int
    started: int | None
    """Clock ticks since boot, or None where there is no /proc."""
    command: tuple[str, ...]

    @classmethod
    def of(cls, pid: int, command: tuple[str, ...]) -> "Identity":
        """The identity of a process just started with this command."""
        return cls(pid=pid, started=started_at(pid), command=command)

    def alive(self) -> bool:
        """Whether this very process still runs; False when that cannot be proven."""
        if self.started is None or started_at(self.pid) != self.started:
            return False
        # Right after the start the command line is still that of the launcher, which ends in
        # the command it is about to run. nginx puts words in front and makes it one text.
        return _as_text(command_line(self.pid)).endswith(_as_text(self.command))


def started_at(pid: int) -> int | None:
    """When a process started, or None if there is none (a zombie counts as none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the name in parentheses and may hold anything, even parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def command_line(pid: int) -> tuple[str, ...]:
    """The command line of a process, empty if there is none."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(part) for part in text.split(b"\0")[:-1])


def _as_text(command: tuple[str, ...]) -> str:
    return " ".join(part for part in command if part).rstrip()


def end(identity: Identity, stop_signal: signal.Signals, grace_seconds: float) -> bool:
    """End a process that is provably the recorded one, and wait until it is gone.

    Returns:
        Whether there was such a process.
    """
    try:
        handle = os.pidfd_open(identity.pid)
    except (OSError, AttributeError):  # gone, or not Linux
        return False
    try:
        # Checked while the handle is held, so the number cannot pass to another process.
        if not identity.alive():
            return False
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        for number, seconds in ((stop_signal, grace_seconds), (signal.SIGKILL, grace_seconds)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if poll.poll(seconds * 1000):
                break
        return True
    finally:
        os.close(handle)
