"""What the messaging adapters call things with, against the real service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpServer

from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.clients.base import client_session
from shared.clients.channels import ChannelsClient
from shared.clients.things import ThingsClient
from shared.contracts.things import CreateChannelBody, CreateThingBody, DeviceChannelBody, ThingBody
from shared.errors import Forbidden, InvalidInput
from tests.fixtures.services import MakeSettings, User


class Things(Struct, frozen=True):
    """Things as adapters and as users call it."""

    client: ThingsClient
    channels: ChannelsClient

    async def make(self, user: User, channels: int) -> tuple[ThingBody, list[UUID]]:
        """A thing in some channels of its own."""
        thing = await self.client.create_thing(user.token, CreateThingBody(name="device"))
        ids = [
            (await self.channels.create_channel(user.token, CreateChannelBody(name="c"))).id
            for _ in range(channels)
        ]
        if ids:
            await self.client.connect(user.token, thing.id, ids)
        return thing, ids


@pytest.fixture
async def things(
    make_settings: MakeSettings[ThingsSettings], users_url: str, aiohttp_server: AiohttpServer
) -> AsyncIterator[Things]:
    settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with client_session() as session:
        url = str(server.make_url(""))
        yield Things(ThingsClient(session, url), ChannelsClient(session, url))


async def test_a_key_is_told_who_it_is_and_where_it_may_talk(things: Things, alice: User) -> None:
    thing, (first, second) = await things.make(alice, 2)
    await things.make(alice, 1)
    await things.channels.disable_channel(alice.token, second)

    device = await things.client.find_device(thing.key)

    assert device.thing_id == thing.id
    assert sorted(device.channels, key=lambda channel: channel.enabled) == [
        DeviceChannelBody(id=second, actions=["m_write", "m_read"], enabled=False),
        DeviceChannelBody(id=first, actions=["m_write", "m_read"], enabled=True),
    ]


async def test_a_thing_without_channels_is_known(things: Things, alice: User) -> None:
    thing, _ = await things.make(alice, 0)

    device = await things.client.find_device(thing.key)

    assert (device.thing_id, device.channels) == (thing.id, [])


async def test_keys_of_nobody_and_of_disabled_things_are_refused(
    things: Things, alice: User
) -> None:
    thing, (channel,) = await things.make(alice, 1)
    assert await things.client.check_access(thing.key, channel, "m_write") == thing.id
    await things.client.disable_thing(alice.token, thing.id)

    for key in (thing.key, "nobody's", ""):
        with pytest.raises(Forbidden):
            await things.client.find_device(key)
        with pytest.raises(Forbidden):
            await things.client.check_access(key, channel, "m_write")
    with pytest.raises(InvalidInput):
        await things.client.find_device("nul\0")


async def test_access_is_to_that_channel_alone(things: Things, alice: User) -> None:
    thing, _ = await things.make(alice, 1)
    _, (other,) = await things.make(alice, 1)

    for channel in (other, uuid4()):
        with pytest.raises(Forbidden):
            await things.client.check_access(thing.key, channel, "m_write")
