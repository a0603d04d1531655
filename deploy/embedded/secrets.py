"""Passwords that are made once and kept in files only their owner can read."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.errors import BrokenFolder


def _random() -> str:
    return secrets.token_urlsafe(24)


def read_or_make_secret(path: Path, make: Callable[[], str] = _random) -> str:
    """The secret kept in a file, made at the first call.

    The text is safe in URLs and configuration files: letters, digits, `-` and `_`.

    Raises:
        BrokenFolder: The file is there and empty.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o600)
        if secret := path.read_text().strip():
            return secret
        raise BrokenFolder(f"the secret in {path} is empty")
    secret = make()
    write_private_file(path, secret + "\n")
    return secret


def write_private_file(path: Path, text: str) -> None:
    """Write a file of mode 0600, so that a crash leaves the old one or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
