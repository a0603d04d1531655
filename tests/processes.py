"""Services as processes of their own, which can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from deploy.embedded.ports import free_port
from tests.waiting import eventually


class ServiceProcess:
    """One service as `python -m services.<name>`.

    Args:
        variables: Its environment, by names without `SMQ_`.
        log: Where its output goes.
    """

    def __init__(self, service: str, variables: dict[str, str], log: Path) -> None:
        self.service = service
        self.port = free_port()
        self._log = log
        self._environment = {
            "PATH": os.environ["PATH"],
            f"SMQ_{service.upper()}_HTTP_PORT": str(self.port),
            f"SMQ_{service.upper()}_HTTP_HOST": "127.0.0.1",
            **{f"SMQ_{name}": value for name, value in variables.items()},
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, once it was started; with several workers, the one above them."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"services.{self.service}",
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        await eventually(self._is_ready, within_seconds=60, what=self.service)

    async def kill(self) -> None:
        """End it without any chance to tidy up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end; answers its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()

    async def _is_ready(self) -> bool:
        with suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.url}/ready") as response,
            ):
                return response.status == 200
        return False


@asynccontextmanager
async def running(process: ServiceProcess) -> AsyncIterator[ServiceProcess]:
    """Keep it running for as long as the context lasts; it may be killed meanwhile."""
    await process.start()
    try:
        yield process
    finally:
        await process.kill()
