"""What programs outside call the platform with, against the real services."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from services.bootstrap.app import create_app as create_bootstrap
from services.bootstrap.settings import BootstrapSettings
from services.certs.app import create_app as create_certs
from services.certs.settings import CertsSettings
from services.provision.app import create_app as create_provision
from services.provision.settings import ProvisionSettings
from services.things.app import create_app as create_things
from services.things.settings import ThingsSettings
from services.users.app import create_app as create_users
from services.users.settings import UsersSettings
from shared.clients.base import NotServed
from shared.clients.certs import CertsClient
from shared.clients.platform import Addresses, Platform, open_platform
from shared.contracts.bootstrap import (
    AddConfigBody,
    ConfigsQuery,
    State,
    UpdateCertificatesBody,
    UpdateConfigBody,
)
from shared.contracts.certs import IssueBody
from shared.contracts.provision import MappingBody, MappingsQuery, UnmapQuery
from shared.contracts.things import (
    ConnectBody,
    ConnectedQuery,
    CreateChannelBody,
    CreatePolicyBody,
    CreateThingBody,
    PoliciesQuery,
    ThingsQuery,
    UpdateChannelBody,
    UpdatePolicyBody,
    UpdateThingBody,
)
from shared.contracts.users import (
    CreateKeyBody,
    CreateUserBody,
    UpdateUserBody,
    UserCredentialsBody,
    UsersQuery,
)
from shared.contracts.users_groups import (
    CreateGroupBody,
    GroupsQuery,
    UpdateGroupBody,
    UserPolicyWriteBody,
)
from shared.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from tests.fixtures.services import MakeSettings, User

LAYOUT = Path("deploy/addons/provision/configs/config.toml").resolve()
SECRET = "correct horse"


@pytest.fixture
async def accounts(
    make_settings: MakeSettings[UsersSettings], aiohttp_server: AiohttpServer
) -> AsyncIterator[Platform]:
    """The real users."""
    settings = await make_settings(UsersSettings, "users", USERS_BCRYPT_COST="4")
    users = _url(await aiohttp_server(create_users(settings)))
    async with open_platform(Addresses(users=users)) as platform:
        yield platform


@pytest.fixture
async def devices(
    make_settings: Callable[..., Awaitable[Any]], users_url: str, aiohttp_server: AiohttpServer
) -> AsyncIterator[Platform]:
    """The real things, bootstrap and provision."""
    things_settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url)
    things = _url(await aiohttp_server(create_things(things_settings)))
    bootstrap_settings = await make_settings(
        BootstrapSettings, "bootstrap", USERS_URL=users_url, THINGS_URL=things
    )
    bootstrap = _url(await aiohttp_server(create_bootstrap(bootstrap_settings)))
    provision_settings = await make_settings(
        ProvisionSettings,
        "provision",
        PROVISION_USERS_LOCATION=users_url,
        PROVISION_THINGS_LOCATION=things,
        PROVISION_BS_SVC_URL=bootstrap,
        PROVISION_CONFIG_FILE=str(LAYOUT),
    )
    provision = _url(await aiohttp_server(create_provision(provision_settings)))
    addresses = Addresses(users=users_url, things=things, bootstrap=bootstrap, provision=provision)
    async with open_platform(addresses) as platform:
        yield platform


@pytest.fixture
async def authority(
    make_settings: Callable[..., Awaitable[Any]], devices: Platform, aiohttp_server: AiohttpServer
) -> AsyncIterator[CertsClient]:
    """The real certs beside the real things."""
    settings = await make_settings(
        CertsSettings,
        "certs",
        USERS_URL=devices.addresses.users,
        THINGS_URL=devices.addresses.things,
    )
    certs = _url(await aiohttp_server(create_certs(settings)))
    async with open_platform(Addresses(certs=certs)) as platform:
        yield platform.certs


def _url(server: TestServer) -> str:
    return str(server.make_url("")).rstrip("/")


async def _account(platform: Platform, identity: str) -> User:
    made = await platform.users.register(
        CreateUserBody(credentials=UserCredentialsBody(identity, SECRET))
    )
    return User(made.id, (await platform.users.login(identity, SECRET)).access_token)


async def test_accounts(accounts: Platform) -> None:
    john = await _account(accounts, "john@example.com")
    users = accounts.users

    owned = await users.register(
        CreateUserBody(credentials=UserCredentialsBody("jane@example.com", SECRET)), john.token
    )

    assert (await users.profile(john.token)).id == john.id
    assert (await users.update_user(john.token, owned.id, UpdateUserBody(name="Jane"))).name == (
        "Jane"
    )
    assert (await users.set_user_tags(john.token, owned.id, ["a"])).tags == ["a"]
    renamed = await users.set_identity(john.token, owned.id, "janet@example.com")
    assert renamed.credentials.identity == "janet@example.com"
    assert (await users.list_users(john.token, UsersQuery(tag="a"))).total == 1
    assert (await users.disable_user(john.token, owned.id)).status == "disabled"
    with pytest.raises(Conflict):
        await users.disable_user(john.token, owned.id)
    assert (await users.enable_user(john.token, owned.id)).status == "enabled"
    assert (await users.set_user_owner(john.token, owned.id, john.id)).owner == john.id
    with pytest.raises(Forbidden):
        await users.set_role(john.token, owned.id, "admin")
    with pytest.raises(Forbidden):
        await users.view_user(john.token, uuid4())


async def test_logins_and_keys(accounts: Platform) -> None:
    john = await _account(accounts, "john@example.com")
    users = accounts.users
    tokens = await users.login("john@example.com", SECRET)

    refreshed = await users.refresh(tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        await users.refresh("not a token")

    key = await users.create_key(
        refreshed.access_token, CreateKeyBody(name="line", scopes=["users:read"])
    )
    assert (await users.profile(key.key)).id == john.id
    assert (await users.view_key(refreshed.access_token, key.id)).key == ""
    assert [each.id for each in (await users.list_keys(refreshed.access_token)).keys] == [key.id]
    await users.revoke_key(refreshed.access_token, key.id)
    with pytest.raises(NotFound):
        await users.revoke_key(refreshed.access_token, key.id)

    await users.log_out(refreshed.access_token)
    with pytest.raises(Unauthenticated):
        await users.profile(refreshed.access_token)
    changed = await users.change_secret(john.token, SECRET, "another horse")
    assert changed.id == john.id
    assert (await users.login("john@example.com", "another horse")).access_token


async def test_groups_and_what_users_may_do_in_them(accounts: Platform) -> None:
    john, jane = [await _account(accounts, f"{name}@example.com") for name in ("john", "jane")]
    groups = accounts.groups

    top = await groups.create_group(john.token, CreateGroupBody(name="top"))
    below = await groups.create_group(
        john.token, CreateGroupBody(name="below", parent_id=str(top.id))
    )
    policy = UserPolicyWriteBody(subject=str(jane.id), object=str(top.id), actions=["g_list"])
    await groups.add_policy(john.token, policy)

    assert (await groups.view_group(jane.token, top.id)).name == "top"
    assert (await groups.list_groups(john.token, GroupsQuery(name="top"))).total == 1
    assert (await groups.list_children(john.token, top.id)).total == 2
    assert (await groups.list_parents(john.token, below.id)).total == 2
    assert [user.id for user in (await groups.list_members(john.token, top.id)).members] == [
        jane.id
    ]
    assert (await groups.list_memberships(jane.token, jane.id)).total == 1
    changed = await groups.update_group(john.token, top.id, UpdateGroupBody(description="all"))
    assert changed.description == "all"
    await groups.update_policy(
        john.token,
        UserPolicyWriteBody(subject=str(jane.id), object=str(top.id), actions=["c_list"]),
    )
    assert [each.actions for each in (await groups.list_policies(john.token)).policies] == [
        ["c_list"]
    ]
    await groups.delete_policy(john.token, jane.id, top.id)
    with pytest.raises(NotFound):
        await groups.delete_policy(john.token, jane.id, top.id)
    assert (await groups.disable_group(john.token, below.id)).status == "disabled"
    assert (await groups.enable_group(john.token, below.id)).status == "enabled"


async def test_things(devices: Platform, alice: User, bob: User) -> None:
    things = devices.things

    one, two = (
        await things.create_things(
            alice.token, [CreateThingBody(name="one", key="k1"), CreateThingBody(name="two")]
        )
    ).things

    assert await things.identify("k1") == one.id
    assert (await things.list_things(alice.token, ThingsQuery(limit=1))).total == 2
    changed = await things.update_thing(alice.token, one.id, UpdateThingBody(metadata={"a": 1}))
    assert changed.metadata == {"a": 1}
    found = await things.list_things(alice.token, ThingsQuery(metadata='{"a": 1}'))
    assert [each.id for each in found.things] == [one.id]
    assert (await things.set_tags(alice.token, one.id, ["x y"])).tags == ["x y"]
    assert (await things.list_things(alice.token, ThingsQuery(tag="x y"))).total == 1
    assert (await things.set_secret(alice.token, one.id, "k2")).key == "k2"
    assert (await things.disable_thing(alice.token, one.id)).status == "disabled"
    with pytest.raises(NotFound):
        await things.identify("k2")
    assert (await things.enable_thing(alice.token, one.id)).status == "enabled"
    with pytest.raises(Forbidden):
        await things.set_owner(bob.token, two.id, bob.id)
    await things.delete_thing(alice.token, two.id)
    with pytest.raises(NotFound):
        await things.view_thing(alice.token, two.id)


async def test_channels_and_connections(devices: Platform, alice: User) -> None:
    channels = devices.channels
    thing = await devices.things.create_thing(alice.token, CreateThingBody(name="thing"))

    first = await channels.create_channel(alice.token, CreateChannelBody(name="first"))
    made = await channels.create_channels(
        alice.token, [CreateChannelBody(name="a"), CreateChannelBody(name="b")]
    )
    second, third = made.channels

    pairs = ConnectBody(thing_ids=[str(thing.id)], channel_ids=[str(first.id), str(second.id)])
    assert (await channels.connect(alice.token, pairs)).total == 2
    await channels.add_policy(
        alice.token, CreatePolicyBody(subject=str(thing.id), object=str(third.id))
    )
    await channels.update_policy(
        alice.token,
        UpdatePolicyBody(subject=str(thing.id), object=str(third.id), actions=["m_read"]),
    )
    found = await channels.list_policies(alice.token, PoliciesQuery(object=str(third.id)))
    assert [each.actions for each in found.policies] == [["m_read"]]
    assert (
        await channels.list_channels_of_thing(alice.token, thing.id, ConnectedQuery(limit=1))
    ).total == 3
    assert [each.id for each in (await channels.list_things(alice.token, third.id)).things] == [
        thing.id
    ]
    await channels.delete_policy(alice.token, thing.id, third.id)
    await channels.disconnect(alice.token, pairs)
    with pytest.raises(NotFound):
        await channels.disconnect(alice.token, pairs)

    changed = await channels.update_channel(
        alice.token, first.id, UpdateChannelBody(description="new")
    )
    assert changed.description == "new"
    assert (await channels.disable_channel(alice.token, first.id)).status == "disabled"
    assert (await channels.enable_channel(alice.token, first.id)).status == "enabled"
    assert (await channels.list_channels(alice.token)).total == 3
    await channels.delete_channel(alice.token, first.id)
    with pytest.raises(NotFound):
        await channels.view_channel(alice.token, first.id)


async def test_configs(devices: Platform, alice: User) -> None:
    bootstrap, external_id = devices.bootstrap, "B8:27/é 1"
    channel = await devices.channels.create_channel(alice.token, CreateChannelBody(name="c"))

    thing_id = await bootstrap.add_config(
        alice.token,
        AddConfigBody(
            external_id=external_id, external_key="label", channels=[str(channel.id)], name="g"
        ),
    )

    assert json.loads(await bootstrap.fetch(external_id, "label"))["thing_id"] == str(thing_id)
    with pytest.raises(Forbidden):
        await bootstrap.fetch(external_id, "wrong")
    with pytest.raises(Forbidden):
        await bootstrap.fetch_sealed(external_id, "00" * 20)
    with pytest.raises(NotFound):
        await bootstrap.fetch("unknown", "label")
    await bootstrap.set_state(alice.token, thing_id, State.ACTIVE)
    active = await bootstrap.list_configs(alice.token, ConfigsQuery(state="1"))
    assert [each.thing_id for each in active.configs] == [thing_id]
    await bootstrap.update_config(alice.token, thing_id, UpdateConfigBody(content="{}"))
    await bootstrap.update_connections(alice.token, thing_id, [])
    config = await bootstrap.view_config(alice.token, thing_id)
    assert (config.name, config.content, config.channels) == ("", "{}", [])
    given = UpdateCertificatesBody(client_cert="c", client_key="k", ca_cert="a")
    assert (await bootstrap.update_certificates(alice.token, thing_id, given)).ca_cert == "a"
    await bootstrap.delete_config(alice.token, thing_id)
    with pytest.raises(NotFound):
        await bootstrap.delete_config(alice.token, thing_id)


async def test_mappings(devices: Platform, alice: User, bob: User) -> None:
    provision = devices.provision
    gateway = MappingBody(external_id="B8:27/é 1", external_key="label")

    planned = await provision.plan(alice.token, gateway)
    first = await provision.map_gateway(alice.token, gateway)
    again = await provision.map_gateway(alice.token, gateway)

    assert (len(planned.channels), planned.is_replay) == (3, False)
    assert (first.is_replay, again.is_replay) == (False, True)
    assert first.answer.things[0].id == again.answer.things[0].id
    with pytest.raises(Conflict) as refused:
        await provision.map_gateway(bob.token, gateway)
    assert refused.value.code == "external_id_taken"
    assert (await provision.list_mappings(alice.token, MappingsQuery(status="active"))).total == 1
    record = await provision.view_mapping(alice.token, gateway.external_id)
    assert record.status == "active"
    assert record.steps
    with pytest.raises(Conflict):
        await provision.retry_mapping(alice.token, gateway.external_id)
    assert "agent" in await provision.content(alice.token)
    assert [each.name for each in (await provision.list_layouts(alice.token)).layouts] == [
        "default"
    ]
    assert len((await provision.view_layout(alice.token, "default")).channels) == 3
    await provision.delete_mapping(alice.token, gateway.external_id, UnmapQuery(force=True))
    assert (await provision.view_mapping(alice.token, gateway.external_id)).status == "deleted"


async def test_certificates(devices: Platform, authority: CertsClient, alice: User) -> None:
    thing = await devices.things.create_thing(alice.token, CreateThingBody(name="t"))

    issued = await authority.issue(alice.token, IssueBody(thing_id=str(thing.id), ttl="24h"))
    renewed = await authority.renew(alice.token, issued.cert_serial)

    assert issued.client_key.startswith("-----BEGIN")
    seen = await authority.view_certificate(alice.token, issued.cert_serial)
    assert (seen.client_cert, seen.client_key) == (issued.client_cert, "")
    assert renewed.cert_serial in (await authority.list_certificates(alice.token)).serials
    assert issued.cert_serial in (await authority.list_of_thing(alice.token, thing.id)).serials
    await authority.revoke(alice.token, str(thing.id))
    with pytest.raises(NotFound):
        await authority.revoke(alice.token, str(thing.id))
    assert "BEGIN CERTIFICATE" in await authority.authority()
    assert "BEGIN X509 CRL" in await authority.revocation_list()


async def test_health_is_asked_of_each_service(devices: Platform, unused_tcp_port: int) -> None:
    assert (await devices.health("provision")).status == "pass"

    async with open_platform(Addresses(certs=f"http://127.0.0.1:{unused_tcp_port}")) as nobody:
        with pytest.raises(Unavailable):
            await nobody.health("certs")


async def test_an_answer_of_something_else_keeps_its_words(accounts: Platform) -> None:
    with pytest.raises(NotServed) as refused:
        await accounts.peers["users"].call("DELETE", "/users")

    assert (refused.value.status, refused.value.said) == (405, "method not allowed")


def test_addresses_behind_one_front_door_get_prefixes() -> None:
    door = Addresses.from_environment({"SMQ_URL": "https://door/", "SMQ_CERTS_URL": "http://own"})

    assert door.of("users") == "https://door"
    assert door.of("certs") == "http://own"
    assert door.has_one_door("users")
    assert not door.has_one_door("certs")
