"""The file that remembers logins, one for each profile; nobody else may read it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from cli.choices import CliError, variable
from cli.files import write_private
from shared.clients.platform import Addresses

DEFAULT_PROFILE = "default"


class Login(Struct, frozen=True, kw_only=True):
    """Tokens of somebody.

    Attributes:
        fresh_until: By this machine's clock, in seconds since 1970.
    """

    identity: str
    access_token: str
    refresh_token: str
    fresh_until: float


class Profile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A platform, and who is logged in there."""

    addresses: Addresses = Addresses()
    ca_cert: str = ""
    login: Login | None = None


class Profiles(Struct, frozen=True, kw_only=True):
    """Everything that is remembered."""

    current: str = DEFAULT_PROFILE
    profiles: dict[str, Profile] = {}


def store_path() -> Path:
    """Where it is kept."""
    given = variable("CLI_CONFIG")
    if given:
        return Path(given)
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(folder) if folder else Path.home() / ".config") / "supermq" / "cli.json"


def read_profiles() -> Profiles:
    """What is remembered; nothing if the file is not there.

    Raises:
        CliError: The file is not one of ours.
    """
    path = store_path()
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            return msgspec.json.decode(file.read(), type=Profiles)
    except FileNotFoundError:
        return Profiles()
    except msgspec.DecodeError as error:
        raise CliError(f"{path} cannot be read: {error}", hint="remove it and log in") from None


def write_profiles(profiles: Profiles) -> None:
    """Remember all of it; a reader sees the old file or the new one, never half of one."""
    path = store_path()
    content = msgspec.json.format(msgspec.json.encode(profiles), indent=2)
    write_private(path.parent, {path.name: content.decode() + "\n"})


@contextmanager
def locked() -> Iterator[None]:
    """Nobody else changes the file meanwhile; a refresh token is good for one use only."""
    path = store_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def keep(name: str, profile: Profile) -> None:
    """Remember a profile, and use it from now on; takes the lock."""
    with locked():
        known = read_profiles()
        write_profiles(Profiles(current=name, profiles={**known.profiles, name: profile}))


def use(name: str) -> bool:
    """Use a profile from now on; answers whether there is one. Takes the lock."""
    with locked():
        known = read_profiles()
        if name not in known.profiles:
            return False
        write_profiles(msgspec.structs.replace(known, current=name))
        return True


def forget(name: str) -> bool:
    """Forget a profile; answers whether there was one. Takes the lock."""
    with locked():
        known = read_profiles()
        if name not in known.profiles:
            return False
        left = {other: kept for other, kept in known.profiles.items() if other != name}
        current = known.current if known.current in left else next(iter(left), DEFAULT_PROFILE)
        write_profiles(Profiles(current=current, profiles=left))
        return True
