"""What every service stands on while it runs, opened in one place and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web
from msgspec import Struct

from shared.clients.base import client_session
from shared.clients.users import UsersClient
from shared.events.broker import Broker
from shared.events.relay import relaying
from shared.http.auth import VERIFIER, CachedKeys, LocalVerifier
from shared.http.health import CHECKS, Check
from shared.http.keys import KeyVerifier, TokensAndKeys
from shared.http.revocations import Revocations
from shared.postgres.keycheck import check_key, encryption_key
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, database_url
from shared.saturation import watching
from shared.sealing import MasterKey
from shared.settings import ServiceSettings
from shared.state import kept


class Foundation(Struct, frozen=True):
    """The open resources of a service.

    Attributes:
        key: Master key, from which each purpose's key is derived.
        users: The users service, called with this service's identity.
    """

    database: Database
    outbox: Outbox
    broker: Broker
    session: aiohttp.ClientSession
    users: UsersClient
    key: MasterKey


@asynccontextmanager
async def foundation(
    app: web.Application, service: str, settings: ServiceSettings
) -> AsyncIterator[Foundation]:
    """Open database, outbox relay, NATS, HTTP sessions and the token verifier."""
    async with AsyncExitStack() as stack:
        url = database_url(service, settings)
        given_key = encryption_key(settings)
        database = await stack.enter_async_context(Database.open(url, settings.database_pool_size))
        key = await check_key(database, given_key)
        outbox = Outbox(database)
        broker = await stack.enter_async_context(
            Broker.open(settings.nats_url, f"supermq-{service}")
        )
        await stack.enter_async_context(relaying(url, outbox, broker))
        await stack.enter_async_context(watching(app, service, database))
        app[CHECKS].extend(
            [Check("postgres", database.is_up), Check("nats", broker.is_up, is_required=False)]
        )
        session = await stack.enter_async_context(client_session())
        users = users_client(session, service, settings)
        if service != "users":
            await stack.enter_async_context(verifying(app, users, broker))
        yield Foundation(database, outbox, broker, session, users, key)


def users_client(
    session: aiohttp.ClientSession, service: str, settings: ServiceSettings
) -> UsersClient:
    """The users service, called with a service's identity."""
    secret = service_secret(service, settings)
    return UsersClient(session, settings.users_url, service=service, secret=secret)


@asynccontextmanager
async def verifying(
    app: web.Application, users: UsersClient, broker: Broker
) -> AsyncIterator[None]:
    """Tell users' tokens and keys for as long as the context lasts."""
    async with (
        CachedKeys.open(users.key_set) as keys,
        Revocations.open(users.revocations, broker) as revocations,
    ):
        app[VERIFIER] = TokensAndKeys(
            LocalVerifier(keys, revocations), KeyVerifier(users.introspect, revocations)
        )
        app[CHECKS].extend(
            [Check("users", keys.is_loaded), Check("revocations", revocations.is_loaded)]
        )
        yield


def service_secret(service: str, settings: ServiceSettings) -> str:
    """The secret by which a service proves itself to users, given or kept."""
    return kept(
        settings,
        f"service-secret-{service}",
        settings.service_secret,
        variable=f"SMQ_{service.upper()}_SERVICE_SECRET",
    )
