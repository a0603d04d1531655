"""The client of users, against the stand-in that other tests use and against the real service."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import aiohttp
import jwt
import pytest
from aiohttp.test_utils import TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpServer

from services.users.app import create_app
from services.users.settings import UsersSettings
from shared.clients.base import client_session
from shared.clients.users import UsersClient
from shared.contracts.users import KeyVerdictBody, KnownUserBody
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.http.auth import CachedKeys, Caller, LocalVerifier
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings, User

ADMIN = "admin@example.com"
SECRET = "correct horse"


class Users(Struct, frozen=True):
    """Users, stand-in or real, with an account and an admin."""

    url: str
    session: aiohttp.ClientSession
    somebody: User
    admin: User
    new_key: Callable[..., Awaitable[str]]
    disable: Callable[[], Awaitable[None]]

    def client(self, service: str = "provision", secret: str | None = None) -> UsersClient:
        """A client that calls as a service."""
        proof = SERVICE_SECRETS[service] if secret is None else secret
        return UsersClient(self.session, self.url, service=service, secret=proof)

    async def verify(self, token: str) -> Caller:
        """Check a token as other services do."""
        async with CachedKeys.open(self.client().key_set) as keys:
            return await LocalVerifier(keys).verify(token)


async def _stand_in(
    _: MakeSettings[UsersSettings], aiohttp_server: AiohttpServer, session: aiohttp.ClientSession
) -> Users:
    stand_in = UsersStandIn(SERVICE_SECRETS)
    server: TestServer = await aiohttp_server(stand_in.application())
    people = [
        User(user_id, stand_in.token(user_id, admin=admin))
        for user_id, admin in ((uuid4(), False), (uuid4(), True))
    ]

    async def new_key(*scopes: str) -> str:
        return stand_in.key(people[0].id, *scopes)

    async def disable() -> None:
        stand_in.disable(people[0].id)

    return Users(_url(server), session, people[0], people[1], new_key, disable)


async def _real(
    make_settings: MakeSettings[UsersSettings],
    aiohttp_server: AiohttpServer,
    session: aiohttp.ClientSession,
) -> Users:
    hashes = ",".join(
        f"{service}={hashlib.sha256(SERVICE_SECRETS[service].encode()).hexdigest()}"
        for service in SERVICE_SECRETS
    )
    settings = await make_settings(
        UsersSettings,
        "users",
        USERS_BCRYPT_COST="4",
        USERS_ADMIN_EMAIL=ADMIN,
        USERS_ADMIN_PASSWORD=SECRET,
        USERS_SERVICE_SECRET_HASHES=hashes,
    )
    server: TestServer = await aiohttp_server(create_app(settings))
    somebody = {"email": "somebody@example.com", "password": SECRET}
    async with session.post(server.make_url("/users"), json=somebody) as response:
        assert response.status == 201
    people = []
    for identity in (somebody["email"], ADMIN):
        tokens = await UsersClient(session, _url(server)).login(identity, SECRET)
        claims = jwt.decode(tokens.access_token, options={"verify_signature": False})
        people.append(User(UUID(claims["sub"]), tokens.access_token))

    async def new_key(*scopes: str) -> str:
        body, headers = {"scopes": scopes}, people[0].headers
        async with session.post(server.make_url("/users/keys"), json=body, headers=headers) as made:
            key: str = (await made.json())["key"]
            return key

    async def disable() -> None:
        path, headers = f"/users/{people[0].id}/disable", people[1].headers
        async with session.post(server.make_url(path), headers=headers) as response:
            assert response.status == 200

    return Users(_url(server), session, people[0], people[1], new_key, disable)


def _url(server: TestServer) -> str:
    return str(server.make_url("")).rstrip("/")


Start = Callable[
    [MakeSettings[UsersSettings], AiohttpServer, aiohttp.ClientSession], Awaitable[Users]
]


@pytest.fixture(params=[_stand_in, _real], ids=["stand-in", "real"])
async def users(
    request: pytest.FixtureRequest,
    make_settings: MakeSettings[UsersSettings],
    aiohttp_server: AiohttpServer,
) -> AsyncIterator[Users]:
    """One after the other."""
    start: Start = request.param
    async with client_session() as session:
        yield await start(make_settings, aiohttp_server, session)


class TestUsersClient:
    """What other services build on."""

    async def test_a_token_is_checked_with_the_published_keys(self, users: Users) -> None:
        caller = await users.verify(users.somebody.token)

        assert caller.user_id == users.somebody.id
        assert caller.token == users.somebody.token
        assert (caller.is_admin, caller.service, caller.scopes) == (False, "", frozenset())
        assert "@" in caller.identity

    async def test_an_admins_token_says_so(self, users: Users) -> None:
        caller = await users.verify(users.admin.token)

        assert caller.is_admin

    async def test_a_changed_token_is_refused(self, users: Users) -> None:
        head, _, signature = users.somebody.token.split(".")
        _, foreign, _ = users.admin.token.split(".")

        with pytest.raises(Unauthenticated):
            await users.verify(f"{head}.{foreign}.{signature}")

    async def test_provision_acts_for_a_caller(self, users: Users) -> None:
        scope = f"mapping:{uuid4()}"

        answer = await users.client().act_for_caller(users.somebody.token, scope)

        caller = await users.verify(answer.access_token)
        assert caller.user_id == users.somebody.id
        assert caller.service == "provision"
        assert caller.scopes == {scope}
        assert not caller.is_admin
        assert answer.scope == scope
        assert answer.expires_in == 120
        claims = jwt.decode(answer.access_token, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 120
        assert claims["type"] == "service"

    async def test_the_users_role_goes_with_him(self, users: Users) -> None:
        client, scope = users.client(), f"withdraw:{uuid4()}"

        answers = [
            await client.act_for_caller(users.admin.token, scope),
            await client.act_for_user(users.admin.id, scope),
        ]

        assert [(await users.verify(answer.access_token)).is_admin for answer in answers] == [
            True,
            True,
        ]

    async def test_provision_cleans_up_without_the_users_token(self, users: Users) -> None:
        scope = f"withdraw:{uuid4()}"

        answer = await users.client().act_for_user(users.somebody.id, scope)

        caller = await users.verify(answer.access_token)
        assert (caller.user_id, caller.service) == (users.somebody.id, "provision")
        assert caller.scopes == {scope}

    async def test_who_cleans_up_for_a_user_at_the_same_moment_shares_a_token(
        self, users: Users
    ) -> None:
        client, scopes = users.client(), [f"withdraw:{uuid4()}" for _ in range(40)]

        *answers, admins = await asyncio.gather(
            *(client.act_for_user(users.somebody.id, scope) for scope in scopes),
            client.act_for_user(users.admin.id, scopes[0]),
        )

        assert len({answer.access_token for answer in answers}) == 2  # a token names 32 at most
        for answer, scope in zip(answers, scopes, strict=True):
            caller = await users.verify(answer.access_token)
            assert caller.user_id == users.somebody.id
            assert scope in caller.scopes
            assert caller.scopes <= set(scopes)
        assert (await users.verify(admins.access_token)).user_id == users.admin.id

    async def test_tokens_for_and_by_a_user_are_never_shared(self, users: Users) -> None:
        client, scopes = users.client(), [f"withdraw:{uuid4()}" for _ in range(2)]

        by_id, by_token = await asyncio.gather(
            client.act_for_user(users.somebody.id, scopes[0]),
            client.act_for_caller(users.somebody.token, scopes[1]),
        )

        assert (await users.verify(by_id.access_token)).scopes == {scopes[0]}
        assert (await users.verify(by_token.access_token)).scopes == {scopes[1]}

    async def test_bootstrap_reads_a_secret_without_the_users_token(self, users: Users) -> None:
        scope = f"thing-secret:{uuid4()}"

        answer = await users.client("bootstrap").act_for_user(users.somebody.id, scope)

        caller = await users.verify(answer.access_token)
        assert caller.service == "bootstrap"
        assert caller.scopes == {scope}

    @pytest.mark.parametrize(
        ("service", "scope"),
        [
            ("provision", "mapping"),  # only with the user's token
            ("provision", "thing-secret"),
            ("provision", "anything"),
            ("bootstrap", "withdraw"),
        ],
    )
    async def test_no_more_than_was_granted(self, users: Users, service: str, scope: str) -> None:
        with pytest.raises(Forbidden):
            await users.client(service).act_for_user(users.somebody.id, f"{scope}:{uuid4()}")

    async def test_bootstrap_cannot_act_by_a_users_token(self, users: Users) -> None:
        with pytest.raises(Forbidden):
            await users.client("bootstrap").act_for_caller(
                users.somebody.token, f"thing-secret:{uuid4()}"
            )

    @pytest.mark.parametrize("secret", ["wrong", ""])
    async def test_a_wrong_service_secret_is_refused(self, users: Users, secret: str) -> None:
        client = users.client(secret=secret)

        with pytest.raises(Unauthenticated):
            await client.act_for_caller(users.somebody.token, f"mapping:{uuid4()}")

    async def test_a_service_token_is_no_users_token(self, users: Users) -> None:
        client = users.client()
        first = await client.act_for_caller(users.somebody.token, f"mapping:{uuid4()}")

        with pytest.raises(Unauthenticated):
            await client.act_for_caller(first.access_token, f"mapping:{uuid4()}")

    async def test_bootstrap_reads_a_channel_without_the_users_token(self, users: Users) -> None:
        scope = f"channel:{uuid4()}"

        answer = await users.client("bootstrap").act_for_user(users.somebody.id, scope)

        assert (await users.verify(answer.access_token)).scopes == {scope}

    async def test_a_user_may_do_everything_with_himself_and_nothing_with_others(
        self, users: Users
    ) -> None:
        client, somebody, admin = users.client("things"), users.somebody.id, users.admin.id

        assert await client.authorize(somebody, somebody, "c_share")
        assert not await client.authorize(somebody, admin, "c_share")
        assert not await client.authorize(somebody, uuid4(), "g_list", "group")

    async def test_an_admin_may_do_everything_and_nobody_nothing(self, users: Users) -> None:
        client = users.client("things")

        assert await client.authorize(users.admin.id, users.somebody.id, "c_share")
        assert not await client.authorize(uuid4(), users.somebody.id, "c_share")

    async def test_users_are_found_by_id(self, users: Users) -> None:
        client = users.client("things")

        somebody = await client.find_user(users.somebody.id)
        admin = await client.find_user(users.admin.id)

        assert somebody == KnownUserBody(id=users.somebody.id, status="enabled", role="user")
        assert admin == KnownUserBody(id=users.admin.id, status="enabled", role="admin")
        assert await client.find_user(uuid4()) is None

    async def test_only_services_may_ask_about_users(self, users: Users) -> None:
        client = users.client(secret="wrong")

        with pytest.raises(Unauthenticated):
            await client.authorize(users.admin.id, users.somebody.id, "c_share")
        with pytest.raises(Unauthenticated):
            await client.find_user(users.somebody.id)

    async def test_a_key_is_worth_its_scopes_until_its_user_is_disabled(self, users: Users) -> None:
        client, key = users.client("things"), await users.new_key("things:read")

        good = await client.introspect(key)
        await users.disable()
        after = await client.introspect(key)
        other = await client.introspect(f"smq_{uuid4().hex}_x")

        assert (good.active, good.user_id, good.role) == (True, users.somebody.id, "user")
        assert good.scopes == ["things:read"]
        assert after == other == KeyVerdictBody(active=False)

    @pytest.mark.parametrize(("scope", "may"), [("provision:write", True), ("things:*", False)])
    async def test_provision_acts_by_a_key_that_may_map(
        self, users: Users, scope: str, may: bool
    ) -> None:
        key, mapping = await users.new_key(scope), f"mapping:{uuid4()}"

        if may:
            answer = await users.client().act_for_caller(key, mapping)
            assert (await users.verify(answer.access_token)).user_id == users.somebody.id
        else:
            with pytest.raises(Forbidden):
                await users.client().act_for_caller(key, mapping)

    async def test_the_feed_tells_who_was_disabled(self, users: Users) -> None:
        client = users.client("things")
        before = await client.revocations(0)

        await users.disable()

        told = await client.revocations(before.next)
        epochs = {one.id: one.epoch for one in told.revocations if one.kind == "user"}
        caller = await users.verify(users.somebody.token)
        assert before.revocations == []
        assert epochs[users.somebody.id] > caller.epoch

    async def test_a_token_that_is_none_is_refused(self, users: Users) -> None:
        with pytest.raises(Unauthenticated):
            await users.client().act_for_caller("garbage", f"mapping:{uuid4()}")


async def test_users_that_do_not_answer_are_unavailable() -> None:
    async with client_session() as session:
        client = UsersClient(session, "http://127.0.0.1:1")

        with pytest.raises(Unavailable):
            await client.key_set()
