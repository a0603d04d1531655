"""Attempts to fetch are gathered and written down together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.bootstrap.domain import DELIVERED, REFUSED, Config, Fetch
from services.bootstrap.service.fetches import FetchLog
from shared.errors import Unavailable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GATEWAY, OTHER = UUID(int=1), UUID(int=2)


class Written:
    """Remembers what was written; is away when it is told to be."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[UUID, Fetch], dict[UUID, datetime]]] = []
        self.is_away = False

    async def record_fetches(
        self, fetches: Mapping[UUID, Fetch], delivered: Mapping[UUID, datetime]
    ) -> None:
        if self.is_away:
            raise Unavailable
        self.calls.append((dict(fetches), dict(delivered)))

    async def announce_refusals(self, config: Config, failures: int) -> None:
        raise NotImplementedError


def fetch(seconds: int, result: str = DELIVERED) -> Fetch:
    return Fetch(at=NOON + timedelta(seconds=seconds), address="192.0.2.1", result=result)


async def test_the_latest_attempt_and_the_first_success_of_each_gateway_are_written_once() -> None:
    written = Written()
    log = FetchLog(written)
    for attempt in (fetch(1), fetch(2), fetch(3, REFUSED)):
        log.note(GATEWAY, attempt)
    log.note(OTHER, fetch(4, REFUSED))

    await log.write()
    await log.write()

    latest = {GATEWAY: fetch(3, REFUSED), OTHER: fetch(4, REFUSED)}
    assert written.calls == [(latest, {GATEWAY: fetch(1).at})]


async def test_what_cannot_be_written_is_written_later() -> None:
    written = Written()
    log = FetchLog(written)
    log.note(GATEWAY, fetch(1))
    log.note(OTHER, fetch(1))
    written.is_away = True
    await log.write()
    log.note(GATEWAY, fetch(2))
    written.is_away = False

    await log.write()

    latest = {GATEWAY: fetch(2), OTHER: fetch(1)}
    assert written.calls == [(latest, {GATEWAY: fetch(1).at, OTHER: fetch(1).at})]


async def test_what_is_left_at_the_end_is_written() -> None:
    written = Written()

    async with FetchLog.open(written) as log:
        log.note(GATEWAY, fetch(1))

    assert written.calls == [({GATEWAY: fetch(1)}, {GATEWAY: fetch(1).at})]
