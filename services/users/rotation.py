"""`supermq-users rotate-signing-key`: a new key signs, those there were are still checked."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.users.settings import UsersSettings
from services.users.signing import VARIABLE, key_file, pem_of, public_key, read_keys
from shared.settings import SettingsError, load_settings


def rotate(arguments: Sequence[str], out: TextIO, errors: TextIO) -> int:
    """Put a new key in front of those there are; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="supermq-users rotate-signing-key",
        description="Make a new key that signs tokens. What others have signed stays good.",
    )
    parser.add_argument(
        "--drop-old",
        action="store_true",
        help="forget all other keys: every token they signed is refused from then on",
    )
    drop_old = parser.parse_args(arguments).drop_old
    try:
        settings = load_settings(UsersSettings, service="users")
        if settings.production and not settings.signing_key_file:
            raise SettingsError([f"{VARIABLE} is not set and SMQ_PRODUCTION forbids making one"])
        kept = [] if drop_old else read_keys(settings)
        keys = [Ed25519PrivateKey.generate(), *kept]
        _replace(key_file(settings).resolve(), "".join(map(pem_of, keys)))
    except (SettingsError, OSError) as error:
        errors.write(f"supermq-users: {error}\n")
        return 1
    signing, *checked = [public_key(key)["kid"] for key in keys]
    out.write(f"{signing} signs\n")
    out.writelines(f"{key_id} is still checked\n" for key_id in checked)
    out.write("running processes of users read the file again on SIGHUP\n")
    return 0


def _replace(file: Path, content: str) -> None:
    """Write a file at once, for the same readers as before."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    try:
        if file.exists():
            before = file.stat()
            os.chown(draft, before.st_uid, before.st_gid)
            draft.chmod(before.st_mode & 0o777)
        draft.write_text(content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
