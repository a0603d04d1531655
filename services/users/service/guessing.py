"""What keeps strangers from guessing passwords and from flooding the doors that are open to all.

Who fails too often from one address with one login name is refused before anything is compared.
All failures with one name together only slow its logins down and raise the alarm, so that nobody
can lock an account by its name. Unknown names count like known ones: nobody learns which are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

from services.users.domain.accounts import User
from services.users.ports import FailureCounts

logger = structlog.get_logger(__name__)

ALARMS = Counter("login_alarms_total", "Minutes in which somebody guessed at an account.")
# As many failures with one name in a minute are not a forgotten password any more.
ALARMING = 20
_DELAY_SECONDS = 0.1
_MAX_DELAY_SECONDS = 2.0


class LoginGuard:
    """Counts wrong passwords; see the module.

    Args:
        by_address: Counts by address and login name, and refuses.
        by_identity: Counts by login name; refuses nobody.
        is_slowing: Whether many failures make logins wait.
    """

    def __init__(
        self,
        *,
        by_address: FailureCounts,
        by_identity: FailureCounts,
        is_slowing: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._by_address = by_address
        self._by_identity = by_identity
        self._is_slowing = is_slowing
        self._sleep = sleep

    async def admit(self, address: str, canonical: str) -> None:
        """Let a comparison go on, at once or after a while; raises TooManyRequests."""
        await self._by_address.check(address, canonical)
        excess = self._by_identity.failures(canonical) - ALARMING
        if self._is_slowing and excess > 0:
            await self._sleep(min(excess * _DELAY_SECONDS, _MAX_DELAY_SECONDS))

    async def note_failure(self, address: str, canonical: str, user: User | None) -> None:
        """Count a wrong password.

        Args:
            user: Whose it is not; None if nobody has that name. The name itself is not logged:
                people type their password in its place.
        """
        _, failures = await asyncio.gather(
            self._by_address.note_failure(address, canonical),
            self._by_identity.note_failure(canonical),
        )
        if failures == ALARMING:
            ALARMS.inc()
            user_id = str(user.id) if user is not None else None
            logger.warning("logins_refused", user_id=user_id, failures=failures)


class AttemptLimit:
    """At most so many attempts of one address in a minute, whatever becomes of them.

    Args:
        per_minute: 0 for no limit.
    """

    def __init__(self, attempts: FailureCounts, per_minute: int) -> None:
        self._attempts = attempts
        self._per_minute = per_minute

    async def admit(self, address: str) -> None:
        """Count an attempt; raises TooManyRequests."""
        if self._per_minute:
            await self._attempts.check(address)
            await self._attempts.note_failure(address)
