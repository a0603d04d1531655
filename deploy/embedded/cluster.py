"""The folder PostgreSQL keeps its data in: made once, whole or not at all, and checked."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.accounts import Account, can_read
from deploy.embedded.errors import BrokenFolder
from deploy.embedded.identity import command_line
from deploy.embedded.process import Child, Command
from deploy.embedded.programs import postgres_major_version
from deploy.embedded.secrets import write_private_file

ROLE = "supermq"
COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error): +(.*)")
"""How PostgreSQL's programs say in their log why they gave up."""

_HERE = "/proc/self/cwd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A PostgreSQL data folder inside `home`, and whom it belongs to."""

    home: Path
    account: Account | None

    @property
    def folder(self) -> Path:
        """The data folder; PostgreSQL's programs are to be run in it."""
        return cluster_folder(self.home)

    def argument(self, folder: Path) -> str:
        """How PostgreSQL is told of a folder it is started in.

        A user without access to a folder above it (a home of mode 0700, say) can use it all the
        same when it already is the working folder and is named by that.
        """
        if self.account is None or can_read(folder, self.account):
            return str(folder)
        if sys.platform != "linux":
            raise BrokenFolder(
                f"user {self.account.name}, who runs PostgreSQL, cannot get into {folder}; "
                f"choose another folder with --data"
            )
        return _HERE

    @property
    def is_made(self) -> bool:
        """Whether there is a cluster to start.

        Raises:
            BrokenFolder: There is something else.
        """
        folder = self.folder
        if not folder.exists():
            return False
        try:
            version = (folder / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            # Neither a version nor a control file: no cluster ever started here, so nothing can
            # be lost.
            if not (folder / "global" / "pg_control").exists():
                return False
            raise BrokenFolder(
                f"{folder} is not a whole PostgreSQL data folder (it has no PG_VERSION); "
                f"restore it, or start afresh with `supermq reset`"
            ) from None
        if version != str(postgres_major_version()):
            raise BrokenFolder(
                f"{folder} was made by PostgreSQL {version}, and this is PostgreSQL "
                f"{postgres_major_version()}; dump it with the old one and load it, or start "
                f"afresh with `supermq reset`"
            )
        return True

    async def make(
        self,
        programs: Path,
        password: str,
        *,
        log: Path,
        environment: Mapping[str, str],
        durable: bool = True,
    ) -> None:
        """Make the cluster, with the role `supermq` as its only and all-powerful user.

        It is made beside its place and moved there when it is whole, so that an interruption
        leaves nothing that looks like a cluster.
        """
        workshop = self.home / "cluster.new"
        draft, password_file = workshop / "data", workshop / "password"
        for remains in (workshop, self.folder):
            if remains.exists():
                shutil.rmtree(remains)
        for folder in (workshop, draft):
            folder.mkdir(mode=0o700)
        write_private_file(password_file, password)
        if self.account is not None:
            for path in (workshop, draft, password_file):
                os.chown(path, self.account.uid, self.account.gid)
        child = Child(
            Command(
                name="initdb",
                arguments=(
                    str(programs / "initdb"),
                    f"--pgdata={self.argument(draft)}",
                    f"--username={ROLE}",
                    # Seen from the draft, for the same reason as `argument`.
                    f"--pwfile=../{password_file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    *(() if durable else ("--no-sync",)),
                ),
                log=log,
                environment=environment,
                folder=draft,
                account=self.account,
                complaint=COMPLAINT,
            )
        )
        try:
            await child.start()
            if await child.wait() != 0:
                raise child.death()
        finally:
            child.kill()
            password_file.unlink()
        draft.rename(self.folder)
        workshop.rmdir()

    def remove_stale_lock(self) -> None:
        """Remove PostgreSQL's own lock file if its process is certainly gone.

        PostgreSQL takes any live process of the same number for itself, and after a crash of a
        container the same few numbers are given out again.
        """
        lock = self.folder / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        program = Path(next(iter(command_line(pid)), "")).name
        if Path("/proc/self/stat").exists() and not program.startswith("postgres"):
            with contextlib.suppress(FileNotFoundError):
                lock.unlink()


def cluster_folder(home: Path) -> Path:
    """The data folder of the cluster in `home`."""
    return home / "cluster"
