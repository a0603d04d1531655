"""Failures, counted in memory and for ever."""

from __future__ import annotations

from collections import Counter

from shared.errors import TooManyRequests


class Counts:
    """See FailureCounts.

    Args:
        limit: Failures after which `check` refuses; 0 for never.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._counts: Counter[tuple[str, ...]] = Counter()

    async def check(self, *key: str) -> None:
        """See FailureCounts."""
        if self._limit and self._counts[key] >= self._limit:
            raise TooManyRequests(60)

    async def note_failure(self, *key: str) -> int:
        """See FailureCounts."""
        self._counts[key] += 1
        return self._counts[key]

    def failures(self, *key: str) -> int:
        """See FailureCounts."""
        return self._counts[key]
