"""Keys that nobody gave, made once and kept in a folder of mode 0700.

Lets a service start on a developer's machine with nothing but a database. Services on one
machine share the folder, so that users knows the secret provision proves itself with.
"""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import structlog

from shared.settings import ServiceSettings, SettingsError

logger = structlog.get_logger(__name__)


def random_secret() -> str:
    """32 random bytes, URL-safe base64 without padding."""
    return urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def kept(
    settings: ServiceSettings,
    name: str,
    given: str,
    *,
    variable: str,
    make: Callable[[], str] = random_secret,
) -> str:
    """The secret that was given, else the one kept under `name`, else a new one.

    Safe when several services ask for the same name at the same moment: the first one wins.

    Raises:
        SettingsError: Nothing was given and settings demand production's strictness.
    """
    if given:
        return given
    if settings.production:
        raise SettingsError([f"{variable} is not set and SMQ_PRODUCTION forbids making one"])
    folder = Path(settings.state_dir).expanduser()
    file = folder / name
    try:
        return file.read_text()
    except FileNotFoundError:
        pass
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    draft.write_text(make())
    try:
        os.link(draft, file)
        logger.warning("secret_made", variable=variable, file=str(file))
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text()
