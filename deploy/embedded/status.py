"""What runs on a data folder, and whether it is ready."""

import asyncio

import msgspec

from deploy.embedded import probes
from deploy.embedded.folder import DataFolder
from deploy.embedded.record import PartRecord, read_record


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One part, as it is now."""

    name: str
    url: str | None = None
    pid: int | None = None
    external: bool = False
    running: bool = False
    ready: bool = False


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The platform, as it is now."""

    data: str
    pid: int | None
    """The supervisor's process, None when it does not run."""
    ready: bool
    parts: tuple[PartStatus, ...]


async def look(folder: DataFolder, names: tuple[str, ...]) -> Status:
    """Find out what runs, without touching it.

    Args:
        folder: The data folder.
        names: The parts to list while nothing was ever started.
    """
    record = read_record(folder.record)
    if record is None:
        parts = tuple(PartStatus(name=name) for name in names)
        return Status(data=str(folder.path), pid=None, ready=False, parts=parts)
    alive = record.supervisor.alive()
    parts = tuple(await asyncio.gather(*(_look_at(part, folder) for part in record.parts)))
    return Status(
        data=str(folder.path),
        pid=record.supervisor.pid if alive else None,
        ready=alive and all(part.ready for part in parts),
        parts=parts,
    )


def as_text(status: Status) -> str:
    """The status as lines for a person."""
    lines = []
    for part in status.parts:
        state = "ready" if part.ready else "not ready" if part.running else "not running"
        owner = "external" if part.external else f"process {part.pid}" if part.pid else ""
        lines.append(f"{part.name:<12} {state:<11} {owner:<15} {part.url or ''}".rstrip())
    if status.pid is None:
        lines.append(f"supermq does not run on {status.data}")
    return "\n".join(lines)


async def _look_at(part: PartRecord, folder: DataFolder) -> PartStatus:
    running = part.external or (part.identity is not None and part.identity.alive())
    ready = running
    if running and part.check_url is not None:
        password = ""
        if part.check_url.startswith("redis:"):
            password = (folder.secrets / f"{part.name}-password").read_text().strip()
        ready = await probes.check(part.check_url, password)
    return PartStatus(
        name=part.name,
        url=part.url,
        pid=part.identity.pid if part.identity is not None and running else None,
        external=part.external,
        running=running and (ready or not part.external),
        ready=ready,
    )
