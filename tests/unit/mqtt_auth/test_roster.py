"""Who is there, and whom a change puts out."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from services.mqtt_auth.service.changes import ChangeService
from services.mqtt_auth.service.roster import Roster
from shared.errors import Unavailable
from tests.unit.mqtt_auth.people import START, Clock, Door, link, sighting

A, B, CLOSED, ELSEWHERE = (uuid4() for _ in range(4))
LATER = START + timedelta(seconds=30)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def roster(clock: Clock) -> Roster:
    roster = Roster(clock)
    roster.finish_snapshot([])
    return roster


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def changes(roster: Roster, door: Door) -> ChangeService:
    return ChangeService(roster, door)


async def test_a_change_puts_out_whom_it_concerns(
    roster: Roster, changes: ChangeService, door: Door
) -> None:
    inside, outside, unknown = link(), link(), link()
    thing, other, stranger = uuid4(), uuid4(), uuid4()
    roster.admit(inside, thing, {A: True, CLOSED: False})
    roster.admit(outside, other, {ELSEWHERE: True})
    roster.arrived(sighting(unknown, stranger))

    async def out(change: object) -> set[object]:
        door.out.clear()
        await change  # type: ignore[misc]
        return set(door.out)

    everybody = [thing, other, stranger]
    assert await out(changes.shut_out([thing], START)) == {inside}
    assert await out(changes.shut_out([uuid4()], START)) == set()
    assert await out(changes.closed([A], START)) == {inside, unknown}
    assert await out(changes.closed([CLOSED], START)) == {unknown}
    assert await out(changes.opened([CLOSED], START)) == {inside, unknown}
    assert await out(changes.opened([A], START)) == {unknown}
    assert await out(changes.disconnected(everybody, [A], START)) == {inside, unknown}
    assert await out(changes.disconnected([other], [A], START)) == set()
    assert await out(changes.connected([thing], [A, B], START)) == {inside}
    assert await out(changes.connected([thing], [A], START)) == set()


async def test_old_news_does_not_concern_who_came_long_after(
    roster: Roster, changes: ChangeService, door: Door, clock: Clock
) -> None:
    early, late = link(), link()
    thing = uuid4()
    roster.admit(early, thing, {A: True})
    roster.arrived(sighting(early, thing))
    clock.pass_seconds(3600)
    roster.admit(late, thing, {A: True})

    await changes.shut_out([thing], LATER)

    assert door.out == [early]


async def test_who_came_after_a_change_that_gives_is_left_alone(
    roster: Roster, changes: ChangeService, door: Door
) -> None:
    early, late = link(), link()
    thing = uuid4()
    roster.arrived(sighting(early, thing, START))
    roster.arrived(sighting(late, thing, LATER))
    between = START + timedelta(seconds=1)

    await changes.connected([thing], [A], between)
    await changes.opened([A], between)
    assert door.out == [early, early]

    await changes.closed([A], between)
    assert set(door.out) == {early, late}


async def test_news_waits_until_it_is_known_who_is_there(clock: Clock, door: Door) -> None:
    roster = Roster(clock)
    changes = ChangeService(roster, door)
    where, thing = link(), uuid4()
    change = changes.shut_out([thing], LATER)
    change.send(None)

    roster.finish_snapshot([sighting(where, thing)])
    with pytest.raises(StopIteration):
        change.send(None)

    assert door.out == [where]


def test_presence_is_that_of_the_longest_connection(roster: Roster, clock: Clock) -> None:
    thing = uuid4()
    first, second, coming = link(), link(), link()
    roster.expect(coming, thing)
    assert roster.presence(thing) is None

    roster.arrived(sighting(second, thing, LATER))
    roster.arrived(sighting(first, thing, START))
    seen = roster.presence(thing)
    assert seen is not None
    assert seen.since == START
    assert len(roster) == 2

    roster.remove(first)
    seen = roster.presence(thing)
    assert seen is not None
    assert seen.since == LATER
    with pytest.raises(Unavailable):
        Roster(clock).presence(thing)


def test_a_complete_list_corrects_what_was_missed(roster: Roster) -> None:
    thing = uuid4()
    stays, missed, vanished, gone, came = (link() for _ in range(5))
    for each in (stays, vanished, gone):
        roster.arrived(sighting(each, thing))
    roster.begin_snapshot()
    roster.remove(gone)
    roster.arrived(sighting(came, thing))
    coming = link()
    roster.expect(coming, thing)

    roster.finish_snapshot(sighting(each, thing) for each in (stays, missed, gone))

    assert set(roster.all_links()) == {stays, missed, came, coming}


def test_who_never_arrives_is_forgotten(roster: Roster, clock: Clock) -> None:
    thing = uuid4()
    lost, arrived, next_one = link(), link(), link()
    roster.expect(lost, thing)
    roster.expect(arrived, thing)
    roster.arrived(sighting(arrived, thing))
    clock.pass_seconds(60)

    roster.expect(next_one, uuid4())

    assert set(roster.all_links()) == {arrived, next_one}


def test_what_others_tell_is_known_in_either_order(roster: Roster) -> None:
    thing = uuid4()
    told_first, seen_first = link(), link()
    roster.admit(told_first, thing, {A: True})
    roster.arrived(sighting(told_first, thing))
    roster.arrived(sighting(seen_first, thing))
    roster.admit(seen_first, thing, {A: True})

    for each in (told_first, seen_first):
        assert roster.may_be_in(each, [A])
        assert not roster.may_be_in(each, [B])
