"""What keeps strangers from guessing the key printed on a gateway.

Who fails too often from one address with one external id is refused. All failures with one
external id together only slow its fetches down and raise the alarm, so that nobody can lock a
gateway out by the id that everybody can read on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.bootstrap.domain import Config
from services.bootstrap.ports import FailureCounts, FetchedConfigs

logger = structlog.get_logger(__name__)

# As many failures with one external id in a minute are not a mistyped label any more.
ALARMING = 20
_DELAY_SECONDS = 0.1
_MAX_DELAY_SECONDS = 2.0


class GuessingGuard:
    """Counts failed fetches; see the module.

    Args:
        by_address: Counts by address and external id, and refuses.
        by_gateway: Counts by external id; refuses nobody.
        is_slowing: Whether many failures make fetches wait.
    """

    def __init__(
        self,
        fetches: FetchedConfigs,
        *,
        by_address: FailureCounts,
        by_gateway: FailureCounts,
        is_slowing: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetches = fetches
        self._by_address = by_address
        self._by_gateway = by_gateway
        self._is_slowing = is_slowing
        self._sleep = sleep

    async def admit(self, address: str, external_id: str) -> None:
        """Let a fetch go on, at once or after a while; raises TooManyRequests."""
        await self._by_address.check(address, external_id)
        excess = self._by_gateway.failures(external_id) - ALARMING
        if self._is_slowing and excess > 0:
            await self._sleep(min(excess * _DELAY_SECONDS, _MAX_DELAY_SECONDS))

    async def note_failure(self, address: str, external_id: str, config: Config | None) -> None:
        """Count a failed fetch.

        Args:
            config: That was guessed at, None if there is none of that id.

        Events: `ConfigFetchRefused`, once for a minute with many failures.
        """
        _, failures = await asyncio.gather(
            self._by_address.note_failure(address, external_id),
            self._by_gateway.note_failure(external_id),
        )
        if failures == ALARMING and config is not None:
            logger.warning("fetches_refused", thing_id=config.thing_id, failures=failures)
            await self._fetches.announce_refusals(config, failures)
