"""Messages at the same time share one sign of the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from shared.errors import Unavailable
from shared.messaging.connection import Connection
from shared.messaging.publisher import MessagePublisher, MessageTooLarge
from tests.waiting import eventually


class Broker:
    """A connection whose flushes end when the test says so."""

    max_payload = 10_000

    def __init__(self) -> None:
        self.published: list[str] = []
        self.flushes: list[asyncio.Future[None]] = []
        self.is_up = True

    def connected_client(self) -> Broker:
        if not self.is_up:
            raise Unavailable
        return self

    async def publish(self, subject: str, _payload: bytes, headers: dict[str, str]) -> None:
        self.published.append(subject)

    async def flush(self) -> None:
        self.flushes.append(asyncio.get_running_loop().create_future())
        await self.flushes[-1]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[MessagePublisher]:
    yield MessagePublisher(cast("Connection", broker))
    for flush in broker.flushes:
        if not flush.done():
            flush.set_result(None)
    await asyncio.sleep(0)


def publish(publisher: MessagePublisher, subject: str) -> asyncio.Task[None]:
    return asyncio.create_task(publisher.publish(subject, b"", {}))


async def published(broker: Broker, count: int) -> None:
    async def look() -> bool:
        return len(broker.published) == count

    await eventually(look)
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_while_a_round_trip_is_on_its_way_shares_the_next(
    broker: Broker, publisher: MessagePublisher
) -> None:
    first = publish(publisher, "first")
    await published(broker, 1)
    others = [publish(publisher, "other") for _ in range(3)]
    await published(broker, 4)
    assert len(broker.flushes) == 1

    broker.flushes[0].set_result(None)
    await first
    assert not any(other.done() for other in others)
    await published(broker, 4)
    broker.flushes[1].set_result(None)
    await asyncio.gather(*others)

    assert len(broker.flushes) == 2


async def test_a_lost_sign_fails_those_who_waited_for_it_and_no_others(
    broker: Broker, publisher: MessagePublisher
) -> None:
    first = publish(publisher, "first")
    await published(broker, 1)
    second = publish(publisher, "second")
    await published(broker, 2)

    broker.flushes[0].set_exception(Unavailable())
    with pytest.raises(Unavailable):
        await first
    await published(broker, 2)
    broker.flushes[1].set_result(None)

    await second


async def test_who_gives_up_takes_nobody_along(broker: Broker, publisher: MessagePublisher) -> None:
    impatient, patient = publish(publisher, "a"), publish(publisher, "b")
    await published(broker, 2)

    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    for flush in broker.flushes:
        flush.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    for flush in broker.flushes[1:]:
        if not flush.done():
            flush.set_result(None)

    await patient


async def test_what_the_broker_would_not_take_is_not_sent(
    broker: Broker, publisher: MessagePublisher
) -> None:
    large: Any = b"x" * broker.max_payload

    with pytest.raises(MessageTooLarge):
        await publisher.publish("a", large, {})
    broker.is_up = False
    with pytest.raises(Unavailable):
        await publisher.publish("a", b"", {})

    assert broker.published == []
