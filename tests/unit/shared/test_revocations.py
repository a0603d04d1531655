"""What is known of revocations when feed and events come and go."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from shared.clock import utc_now
from shared.contracts.events import envelope
from shared.contracts.users import RevocationBody, RevocationsBody
from shared.contracts.users_events import KeyRevoked, LoginEnded, UserDisabled
from shared.errors import Unavailable
from shared.http.auth import Caller
from shared.http.revocations import Revocations

USER = uuid4()
FAR = 1 << 40


class Events:
    """An event stream that is told what to do."""

    def __init__(self) -> None:
        self.reconnects = 0
        self.is_connected = True
        self.handle: Callable[[bytes], None] = lambda _: None

    async def is_up(self) -> bool:
        return self.is_connected

    async def listen(self, subject: str, handle: Callable[[bytes], None]) -> None:
        self.handle = handle


class Feed:
    """A feed that can be down."""

    def __init__(self) -> None:
        self.is_up = True
        self.revocations: list[RevocationBody] = []
        self.asked: list[int] = []

    async def __call__(self, since: int) -> RevocationsBody:
        self.asked.append(since)
        if not self.is_up:
            raise Unavailable
        return RevocationsBody(next=since + 7, revocations=self.revocations)


class Clock:
    """Seconds that pass when told."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class World:
    """All of it."""

    def __init__(self) -> None:
        self.events, self.feed, self.clock = Events(), Feed(), Clock()
        self.revocations = Revocations(self.feed, self.events, self.clock)

    async def start(self) -> None:
        await self.revocations._listen()
        await self.revocations.read()

    async def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.seconds += 1
            await self.revocations.read()


def caller(**members: object) -> Caller:
    return Caller(user_id=USER, **members)  # type: ignore[arg-type]


async def test_the_feed_ends_tokens_of_earlier_epochs() -> None:
    world = World()
    world.feed.revocations = [RevocationBody(kind="user", id=USER, epoch=5, expires_at=FAR)]

    await world.start()

    assert world.revocations.has_ended(caller(epoch=4))
    assert not world.revocations.has_ended(caller(epoch=5))


async def test_a_service_that_acts_for_him_goes_on() -> None:
    world = World()
    world.feed.revocations = [RevocationBody(kind="user", id=USER, epoch=5, expires_at=FAR)]

    await world.start()

    assert not world.revocations.has_ended(caller(service="provision"))


@pytest.mark.parametrize("kind", ["login", "key"])
async def test_an_event_is_enough(kind: str) -> None:
    world = World()
    await world.start()
    ended, other = UUID(int=1), UUID(int=2)
    event = (
        LoginEnded(user_id=USER, login_id=ended)
        if kind == "login"
        else KeyRevoked(user_id=USER, key_id=ended)
    )

    world.events.handle(envelope(event, event_id=uuid4(), occurred_at=utc_now(), request_id=""))

    assert world.revocations.has_ended(caller(**{f"{kind}_id": ended}))
    assert not world.revocations.has_ended(caller(**{f"{kind}_id": other}))


async def test_an_old_event_takes_nothing_back() -> None:
    world = World()
    await world.start()
    for epoch in (9, 3):
        event = UserDisabled(user_id=USER, epoch=epoch)
        world.events.handle(envelope(event, event_id=uuid4(), occurred_at=utc_now(), request_id=""))

    assert world.revocations.has_ended(caller(epoch=8))


async def test_reading_goes_on_where_it_stopped() -> None:
    world = World()

    await world.start()
    await world.revocations.read()

    assert world.feed.asked == [0, 7]


async def test_nothing_is_known_before_the_feed_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.http.revocations._START_SECONDS", 0.01)
    world = World()
    world.feed.is_up = False
    await world.start()

    with pytest.raises(Unavailable):
        await world.revocations.require_fresh()


async def test_events_alone_will_do() -> None:
    world = World()
    await world.start()
    world.feed.is_up = False

    await world.pass_seconds(60)

    await world.revocations.require_fresh()


async def test_the_feed_alone_will_do() -> None:
    world = World()
    world.events.is_connected = False
    await world.start()

    await world.pass_seconds(60)

    await world.revocations.require_fresh()


async def test_without_both_unknown_tokens_wait_after_five_seconds() -> None:
    world = World()
    await world.start()
    world.feed.is_up = world.events.is_connected = False

    await world.pass_seconds(5)
    await world.revocations.require_fresh()
    await world.pass_seconds(1)

    with pytest.raises(Unavailable):
        await world.revocations.require_fresh()


async def test_a_gap_in_the_events_is_closed_by_the_feed_alone() -> None:
    world = World()
    await world.start()
    world.feed.is_up = False
    world.events.reconnects += 1
    await world.pass_seconds(6)

    with pytest.raises(Unavailable):
        await world.revocations.require_fresh()
    world.feed.is_up = True
    await world.revocations.read()

    await world.revocations.require_fresh()
