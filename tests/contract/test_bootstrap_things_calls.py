"""What bootstrap calls things with, against the real service."""

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
from shared.clients.things import ThingsClient
from shared.contracts.things import CreateThingBody, ThingCredentialsInput
from shared.errors import Conflict, Forbidden, NotFound, Unavailable
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User


class Things(Struct, frozen=True):
    """The client, and what it needs from elsewhere."""

    client: ThingsClient
    users: UsersStandIn
    channel_url: str

    def token(self, user: User, scope: str, *, service: str = "bootstrap") -> str:
        return self.users.token(user.id, kind="service", service=service, scope=scope)

    async def make_channel(self, user: User, name: str = "channel") -> UUID:
        async with client_session() as session:
            body = {"name": name, "metadata": {"type": "data"}}
            async with session.post(self.channel_url, json=body, headers=user.headers) as answer:
                return UUID((await answer.json())["id"])


@pytest.fixture
async def things(
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    users_stand_in: UsersStandIn,
    aiohttp_server: AiohttpServer,
) -> AsyncIterator[Things]:
    settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with client_session() as session:
        client = ThingsClient(session, str(server.make_url("")))
        yield Things(client, users_stand_in, str(server.make_url("/channels")))


async def make_thing(things: Things, user: User, secret: str = "") -> UUID:
    body = CreateThingBody(id=str(uuid4()), credentials=ThingCredentialsInput(secret=secret))
    return (await things.client.create_thing(user.token, body)).id


async def test_a_thing_is_made_with_the_id_that_was_chosen(things: Things, alice: User) -> None:
    thing_id = uuid4()

    made = await things.client.create_thing(alice.token, CreateThingBody(id=str(thing_id)))

    assert (made.id, made.name, made.status) == (thing_id, "", "enabled")
    assert await things.client.view_thing(alice.token, thing_id) == made
    with pytest.raises(Conflict):
        await things.client.create_thing(alice.token, CreateThingBody(id=str(thing_id)))


async def test_a_thing_shows_its_owner_the_secret(things: Things, alice: User) -> None:
    thing_id = await make_thing(things, alice, "s" * 100)

    thing = await things.client.view_thing(alice.token, thing_id)

    assert thing.credentials.secret == "s" * 100


async def test_another_users_thing_and_channel_are_not_found(
    things: Things, alice: User, bob: User
) -> None:
    thing_id, channel_id = await make_thing(things, alice), await things.make_channel(alice)

    for call in (
        things.client.view_thing(bob.token, thing_id),
        things.client.view_channel(bob.token, channel_id),
        things.client.delete_thing(bob.token, thing_id),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_deleted_thing_is_not_found(things: Things, alice: User) -> None:
    thing_id = await make_thing(things, alice)

    await things.client.delete_thing(alice.token, thing_id)

    with pytest.raises(NotFound):
        await things.client.delete_thing(alice.token, thing_id)


async def test_a_channel_is_shown_with_name_metadata_and_status(
    things: Things, alice: User
) -> None:
    channel_id = await things.make_channel(alice, "data")

    channel = await things.client.view_channel(alice.token, channel_id)

    assert (channel.id, channel.name, channel.metadata) == (channel_id, "data", {"type": "data"})
    assert channel.status == "enabled"


async def test_connecting_tells_what_is_new(things: Things, alice: User) -> None:
    thing_id = await make_thing(things, alice)
    first, second = [await things.make_channel(alice) for _ in range(2)]
    await things.client.connect(alice.token, thing_id, [first])

    page = await things.client.connect(alice.token, thing_id, [first, second])

    assert [(policy.subject, policy.object) for policy in page.policies] == [
        (thing_id, first),
        (thing_id, second),
    ]
    assert [policy.updated_by is None for policy in page.policies] == [False, True]


async def test_disconnecting_is_all_or_none(things: Things, alice: User) -> None:
    thing_id = await make_thing(things, alice)
    first, second = [await things.make_channel(alice) for _ in range(2)]
    await things.client.connect(alice.token, thing_id, [first])

    with pytest.raises(NotFound):
        await things.client.disconnect(alice.token, thing_id, [first, second])

    await things.client.disconnect(alice.token, thing_id, [first])
    with pytest.raises(NotFound):
        await things.client.disconnect(alice.token, thing_id, [first])


async def test_connecting_to_what_is_gone_or_another_users_is_refused_as_a_whole(
    things: Things, alice: User, bob: User
) -> None:
    thing_id = await make_thing(things, alice)
    own, bobs = await things.make_channel(alice), await things.make_channel(bob)

    with pytest.raises(NotFound):
        await things.client.connect(alice.token, thing_id, [own, uuid4()])
    with pytest.raises(Forbidden):
        await things.client.connect(alice.token, thing_id, [own, bobs])

    with pytest.raises(NotFound):
        await things.client.disconnect(alice.token, thing_id, [own])


async def test_bootstrap_reads_a_thing_by_a_token_for_it_alone(things: Things, alice: User) -> None:
    thing_id, other = [await make_thing(things, alice, secret) for secret in ("one", "two")]
    token = things.token(alice, f"thing-secret:{thing_id}")

    thing = await things.client.read_thing(token, thing_id)

    assert thing.credentials.secret == "one"
    for refused in (
        things.client.read_thing(token, other),
        things.client.read_thing(alice.token, thing_id),
        things.client.read_thing(
            things.token(alice, f"thing-secret:{thing_id}", service="provision"), thing_id
        ),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_bootstrap_reads_a_channel_by_a_token_for_it_alone(
    things: Things, alice: User
) -> None:
    channel_id, other = [await things.make_channel(alice, name) for name in ("one", "two")]
    token = things.token(alice, f"channel:{channel_id}")

    channel = await things.client.read_channel(token, channel_id)

    assert (channel.name, channel.metadata) == ("one", {"type": "data"})
    for refused in (
        things.client.read_channel(token, other),
        things.client.read_channel(alice.token, channel_id),
    ):
        with pytest.raises(Forbidden):
            await refused


async def test_what_bootstrap_may_read_but_is_gone_is_not_found(
    things: Things, alice: User
) -> None:
    gone = uuid4()

    with pytest.raises(NotFound):
        await things.client.read_thing(things.token(alice, f"thing-secret:{gone}"), gone)
    with pytest.raises(NotFound):
        await things.client.read_channel(things.token(alice, f"channel:{gone}"), gone)


async def test_things_that_do_not_answer_are_unavailable(alice: User) -> None:
    async with client_session() as session:
        client = ThingsClient(session, "http://127.0.0.1:1", timeout_seconds=1)

        with pytest.raises(Unavailable):
            await client.connect(alice.token, uuid4(), [uuid4()])
