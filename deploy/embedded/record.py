"""What runs at present, written down for `supermq status` and for cleaning up after a crash."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from deploy.embedded.identity import Identity, end
from deploy.embedded.secrets import write_private_file

_LEFTOVER_GRACE_SECONDS = 10.0


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a running platform."""

    name: str
    url: str
    check_url: str | None
    """What to ask whether it is ready; None if it cannot be asked."""
    external: bool = False
    identity: Identity | None = None
    """Its process; None if it is external or not started yet."""
    stop_signal: int = signal.SIGTERM


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running platform: its supervisor and its parts, in the order of starting."""

    supervisor: Identity
    parts: tuple[PartRecord, ...]


def read_record(path: Path) -> RunRecord | None:
    """The record in a file, or None if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_record(path: Path, record: RunRecord) -> None:
    """Replace the record in a file."""
    write_private_file(path, msgspec.json.encode(record).decode())


def end_leftovers(path: Path) -> tuple[str, ...]:
    """End what a supervisor that was killed has left behind.

    Only processes that are provably the recorded ones are touched.

    Returns:
        The names of the parts that were ended.
    """
    record = read_record(path)
    if record is None:
        return ()

    def end_part(part: PartRecord) -> bool:
        return part.identity is not None and end(
            part.identity, signal.Signals(part.stop_signal), _LEFTOVER_GRACE_SECONDS
        )

    with ThreadPoolExecutor(max_workers=len(record.parts) or 1) as threads:
        ended = list(threads.map(end_part, record.parts))
    path.unlink(missing_ok=True)
    return tuple(
        part.name for part, was_there in zip(record.parts, ended, strict=True) if was_there
    )
