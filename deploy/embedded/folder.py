"""The data folder: how it is laid out, whose it is, and that only one supervisor uses it."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.embedded.errors import AlreadyRunning, BrokenFolder

_MARKER = ".supermq-data"
_LOCK = "lock"
_RECORD = "run.json"
_KNOWN_NAMES = {
    *("logs", "nats", "nginx", "postgres", "secrets", "tls", "valkey"),
    *(_MARKER, _LOCK, _RECORD),
}
_NOT_COUNTED = {"lost+found"}  # at the root of a volume


class DataFolder:
    """The folder that holds everything a platform on one machine keeps."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.secrets = self.path / "secrets"
        self.record = self.path / _RECORD

    @property
    def is_ours(self) -> bool:
        """Whether it is the data folder of a platform and not just any folder."""
        return (self.path / _MARKER).is_file()

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Make the folder if it is missing, and hold it alone.

        Raises:
            BrokenFolder: It cannot be used, or holds something that is not ours.
            AlreadyRunning: Another supervisor holds it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_content()
            with self._locked():
                (self.path / _MARKER).write_text("The data of `supermq up`; see `supermq reset`.\n")
                for folder in (self.secrets, self.logs):
                    folder.mkdir(mode=0o700, exist_ok=True)
                self._check_access()
                yield
        except (NotADirectoryError, FileExistsError) as error:
            raise BrokenFolder(
                f"cannot use the data folder {self.path}: {error.filename} is not a folder"
            ) from error
        except PermissionError as error:
            raise BrokenFolder(
                f"cannot use the data folder {self.path}: no access to {error.filename}"
            ) from error

    @contextlib.contextmanager
    def held_for_removal(self) -> Iterator[None]:
        """Hold an existing folder alone, and see that it is one that may be removed.

        Raises:
            BrokenFolder: It does not look like a data folder.
            AlreadyRunning: A supervisor holds it.
        """
        if not self.is_ours:
            raise BrokenFolder(
                f"{self.path} does not look like a data folder of supermq (it has no {_MARKER}); "
                f"nothing was removed"
            )
        with self._locked():
            yield

    def remove(self) -> None:
        """Remove the folder with all it holds; the mark goes last, so this can be repeated."""
        for entry in self.path.iterdir():
            if entry.name in {_MARKER, _LOCK} | _NOT_COUNTED:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for name in (_MARKER, _LOCK):
            (self.path / name).unlink(missing_ok=True)
        # The folder itself may be a mounted volume, which stays.
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _check_content(self) -> None:
        if self.is_ours:
            return
        strangers = {entry.name for entry in self.path.iterdir()} - _KNOWN_NAMES - _NOT_COUNTED
        if strangers:
            raise BrokenFolder(
                f"{self.path} holds other things ({min(strangers)}) and is not a data folder of "
                f"supermq; choose another one with --data"
            )

    def _check_access(self) -> None:
        for folder in (self.path, self.secrets, self.logs):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(None, "no access", str(folder))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(handle, 20).decode(errors="replace").strip()
                raise AlreadyRunning(
                    f"supermq already runs on {self.path}"
                    + (f" (process {holder})" if holder else "")
                ) from None
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(handle)
