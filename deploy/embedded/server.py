"""What PostgreSQL, Valkey and nats-server have in common as embedded servers."""

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded.errors import EmbeddedError
from deploy.embedded.part import Part
from deploy.embedded.ports import LOOPBACK, free_port, is_taken
from deploy.embedded.process import Child
from deploy.embedded.secrets import read_or_make_secret

USER = "supermq"

_TRIES_FOR_A_FREE_PORT = 3


class Server(Part):
    """A server that keeps its data in `folder` and answers on a port of loopback.

    Args:
        folder: Its home, made when missing.
        port: Where to listen, or None for a free port.
        settings: Changes to the server's own settings, by their own names.
        password_file: Keeps the password; in the home unless given.
        log: What the server says; in the home unless given.
        progress: Told in a few words about anything that takes long.
    """

    kind = ""
    scheme = ""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        password_file: Path | None = None,
        log: Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(self.kind)
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.log = log or self.folder / "server.log"
        self._port_is_chosen = port is None
        self._settings = dict(settings or {})
        self._password_file = password_file or self.folder / "password"
        self._progress = progress or (lambda _: None)

    @cached_property
    def password(self) -> str:
        """The password of the user `supermq`."""
        return read_or_make_secret(self._password_file)

    @property
    def url(self) -> str:
        """Where programs connect, with user and password."""
        return f"{self.scheme}://{USER}:{self.password}@{LOOPBACK}:{self.port}"

    @property
    def public_url(self) -> str:
        """Where people find it, without any secret."""
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def check_url(self) -> str:
        """What to ask whether it is ready."""
        return f"{self.scheme}://{LOOPBACK}:{self.port}"

    async def start(self, on_spawn: Callable[[Child], None] | None = None) -> None:
        """Start it and wait until it is ready, on another port if a chosen one was snatched."""
        for tries_left in reversed(range(_TRIES_FOR_A_FREE_PORT)):
            try:
                await super().start(on_spawn)
                return
            except EmbeddedError:
                await self.stop()
                if not (self._move_from_snatched_port() and tries_left):
                    raise

    def _move_from_snatched_port(self) -> bool:
        """Choose another port if the one chosen here has been taken by somebody else."""
        if not (self._port_is_chosen and is_taken(self.port)):
            return False
        self.port = free_port()
        return True

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def server_environment() -> dict[str, str]:
    """The environment of a server: nothing that would change its settings, and no secret."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_", "SMQ_", "MG_", "MF_"))
    }
    # English messages, so that the reason for a failure can be found in the log.
    return {**inherited, "LC_ALL": "C", "TZ": "UTC"}
