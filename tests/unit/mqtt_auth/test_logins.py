"""Who is let in, and what he may do then."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.mqtt_auth.domain import LoginRefused
from services.mqtt_auth.service.changes import ChangeService
from services.mqtt_auth.service.logins import MAX_CHANNELS, LoginService, permissions_of
from services.mqtt_auth.service.roster import Roster
from shared.errors import Unavailable
from tests.unit.mqtt_auth.people import Clock, Door, News, Things, Told, channel, device, login

BOTH = ("m_read", "m_write")


class World:
    """The rules with everything around them."""

    def __init__(self, *, any_client_id: bool = False) -> None:
        self.things, self.told, self.door = Things(), Told(), Door()
        self.roster = Roster(Clock())
        self.roster.finish_snapshot([])
        self.changes = ChangeService(self.roster, self.door)
        self.news = News()
        self.logins = LoginService(
            self.things, self.roster, self.told, self.news, any_client_id=any_client_id
        )


@pytest.fixture
def world() -> World:
    return World()


def test_permissions_follow_actions_of_enabled_channels() -> None:
    reading, writing, both = channel("m_read"), channel("m_write"), channel(*BOTH)
    who = device(reading, writing, both, channel(*BOTH, enabled=False), channel("g_list"))

    allowed = permissions_of(who, login(who))

    assert allowed.subscribe == tuple(
        f"channels.{each.id}.messages{rest}" for each in (reading, both) for rest in ("", ".>")
    )
    assert allowed.publish == tuple(
        f"channels.{each.id}.messages{rest}" for each in (writing, both) for rest in ("", ".>")
    )


@pytest.mark.parametrize(
    ("version", "protocol", "is_extended"),
    [
        ("2.10.27", "mqtt", True),
        ("2.10.27", "nats", False),
        ("2.10.27", "websocket", False),
        ("2.15.1", "mqtt", False),
        ("3.0.0-beta", "mqtt", False),
        ("", "mqtt", True),
    ],
)
def test_older_brokers_need_two_more_subjects_for_mqtt_alone(
    version: str, protocol: str, is_extended: bool
) -> None:
    who = device(channel(*BOTH))

    allowed = permissions_of(who, login(who, protocol=protocol, server_version=version))

    assert ("$MQTT.sub.>" in allowed.subscribe) is is_extended
    assert not [subject for subject in allowed.publish if subject.startswith("$")]


async def test_others_are_told_and_the_roster_knows(world: World) -> None:
    enabled, disabled = channel(*BOTH), channel(*BOTH, enabled=False)
    who = device(enabled, disabled)
    world.things.devices["key"] = who
    coming = login(who)

    await world.logins.admit(coming)

    assert world.told.grants == [
        (coming.link, who.thing_id, {enabled.id: True, disabled.id: False})
    ]
    assert world.roster.links_of([who.thing_id]) == [coming.link]


@pytest.mark.parametrize(
    "client_id", ["gateway", str(UUID(int=1)), "", "a" * 21, "a" * 23, "-" * 22]
)
async def test_a_client_id_of_nobody_or_another_is_refused(world: World, client_id: str) -> None:
    who = device()
    world.things.devices["key"] = who

    with pytest.raises(LoginRefused, match="does not contain"):
        await world.logins.admit(login(who, client_id=client_id))

    assert world.things.asked == 0


async def test_client_ids_can_be_free_and_do_not_matter_outside_mqtt(world: World) -> None:
    who = device()
    free = World(any_client_id=True)
    for each in (world, free):
        each.things.devices["key"] = who

    await free.logins.admit(login(who, client_id="gateway"))
    await world.logins.admit(login(who, client_id="", protocol="nats"))
    await world.logins.admit(login(who, client_id="A1b2C3d4E5f6G7h8I9j0K1"))


@pytest.mark.parametrize("user", ["", "gateway", "{}", "urn:uuid:{}", "{{{}}}"])
async def test_a_user_is_the_id_of_a_thing_in_its_usual_form(world: World, user: str) -> None:
    who = device()
    world.things.devices["key"] = who
    given = user.format(str(who.thing_id).upper())

    with pytest.raises(LoginRefused):
        await world.logins.admit(login(who, user=given))


async def test_who_is_refused_leaves_no_trace(world: World) -> None:
    who = device()
    many = device(*(channel() for _ in range(MAX_CHANNELS + 1)))

    async def fail() -> None:
        raise Unavailable

    with pytest.raises(LoginRefused, match="no such thing"):
        await world.logins.admit(login(who))
    world.things.devices["key"] = many
    with pytest.raises(LoginRefused, match="channels"):
        await world.logins.admit(login(many))
    world.things.meanwhile = fail
    with pytest.raises(Unavailable):
        await world.logins.admit(login(many))

    assert world.roster.all_links() == []
    assert world.told.grants == []


async def test_who_is_overtaken_by_news_is_looked_at_again(world: World) -> None:
    before, after = channel(*BOTH), channel("m_read")
    who = device(before)
    now = type(who)(thing_id=who.thing_id, channels=(after,))
    world.things.devices["key"] = who

    async def change() -> None:
        world.things.meanwhile = None
        world.things.devices["key"] = now
        await world.changes.disconnected([who.thing_id], [before.id], Clock()())

    world.things.meanwhile = change

    allowed = await world.logins.admit(login(who))

    assert allowed.publish == ()
    assert world.things.asked == 2
    assert world.door.out == []


async def test_who_changes_all_the_time_is_refused(world: World) -> None:
    who = device(channel(*BOTH))
    world.things.devices["key"] = who

    async def change() -> None:
        await world.changes.shut_out([who.thing_id], Clock()())

    world.things.meanwhile = change

    with pytest.raises(LoginRefused, match="faster"):
        await world.logins.admit(login(who))


async def test_nobody_is_let_in_while_news_could_be_missed(world: World) -> None:
    who = device()
    world.things.devices["key"] = who
    world.news.heard = False

    with pytest.raises(Unavailable):
        await world.logins.admit(login(who))

    assert world.roster.all_links() == []
