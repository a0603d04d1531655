"""Which system user runs PostgreSQL, which refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.errors import BrokenFolder, EmbeddedError


@dataclass(frozen=True, slots=True)
class Account:
    """A system user to run a child as."""

    name: str
    uid: int
    gid: int


def choose_account(cluster: Path) -> Account | None:
    """The user to run PostgreSQL as, or None to run it as the one we are.

    Root steps down to the owner of an existing cluster, else to `postgres`, else to `nobody`.

    Raises:
        BrokenFolder: The cluster belongs to somebody else, and we are not root.
        EmbeddedError: We are root, and there is nobody to step down to.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner in (None, os.geteuid()):
            return None
        raise BrokenFolder(
            f"the database in {cluster} belongs to user {_name(owner)}; run as root or as that user"
        )
    if owner:
        return _account(owner)
    for name in ("postgres", "nobody"):
        try:
            return _account(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
    )


def can_enter(folder: Path, account: Account) -> bool:
    """Whether a user gets into a folder, and so through all folders above it."""
    folder = folder.resolve()
    return all(_allows(path, account, stat.S_IXOTH) for path in (folder, *folder.parents))


def can_read(folder: Path, account: Account) -> bool:
    """Whether a user gets into a folder and may read what is in it."""
    return can_enter(folder, account) and _allows(folder, account, stat.S_IROTH)


def _allows(path: Path, account: Account, others: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return status.st_mode & (others << 6) == others << 6
    if status.st_gid == account.gid:
        return status.st_mode & (others << 3) == others << 3
    return status.st_mode & others == others


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a folder brought from another machine
        return Account(str(uid), uid, uid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def _name(uid: int | None) -> str:
    return _account(uid).name if uid is not None else "nobody"
