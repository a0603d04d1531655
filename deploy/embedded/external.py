"""A server of the operator's own, taken over instead of an embedded one."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.embedded import probes
from deploy.embedded.errors import EmbeddedError

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class External:
    """A server that runs already, and the variable that names it."""

    name: str
    variable: str
    url: str

    @property
    def public_url(self) -> str:
        """Its URL without user, password and options."""
        parts = urlsplit(self.url.split(",")[0])
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def check_url(self) -> str | None:
        """What to ask whether it is there; None if that cannot be seen from its URL."""
        return probes.tcp_address(self.url)

    async def find(self) -> None:
        """Wait a moment for it.

        Raises:
            EmbeddedError: It is not there.
        """
        address = self.check_url
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                # Its readiness is asked for over the network; there is no event to wait for.
                while address is not None and not await probes.check(address):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise EmbeddedError(
                f"{self.name}: nothing answers at {self.public_url} (from {self.variable})"
            ) from None
