"""What the servers and the services have in common: one child, a URL, a way to see it is ready."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from deploy.embedded import probes
from deploy.embedded.process import Child, Command


class Part(ABC):
    """A part of the platform that runs as one child process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.child: Child | None = None

    @property
    @abstractmethod
    def public_url(self) -> str:
        """Where people find it, without any secret."""

    @property
    @abstractmethod
    def check_url(self) -> str:
        """What to ask whether it is ready, see `probes.check`."""

    @property
    def check_password(self) -> str:
        """What the question about readiness needs to know."""
        return ""

    @abstractmethod
    async def prepare(self) -> Command:
        """Put in place what the program needs, and say how it is run."""

    async def start(self, on_spawn: Callable[[Child], None] | None = None) -> None:
        """Start it and wait until it is ready.

        Args:
            on_spawn: Told of the child as soon as there is one.

        Raises:
            EmbeddedError: It cannot be started, and why, in one line.
        """
        self.child = Child(await self.prepare())
        await self.child.start()
        if on_spawn is not None:
            on_spawn(self.child)
        await self.child.until_ready(self.is_ready)

    async def is_ready(self) -> bool:
        """Whether it is ready to be used now."""
        return await probes.check(self.check_url, self.check_password)

    async def stop(self) -> None:
        """Stop it, if it runs, and wait until it has ended."""
        if self.child is not None:
            await self.child.stop()


async def all_at_once(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs at the same time; the first that fails cancels the others and is raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
