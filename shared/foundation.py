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
    key: bytes


@asynccontextmanager
async def foundation(
    app: web.Application, service: str, settings: ServiceSettings
) -> AsyncIterator[Foundation]:
    """Open database, outbox relay, NATS, HTTP sessions and the token verifier."""
    async with AsyncExitStack() as stack:
        url = database_url(service, settings)
        key = encryption_key(settings)
        database = await stack.enter_async_context(Database.open(url, settings.database_pool_size))
        await check_key(database, key)
        outbox = Outbox(database)
        broker = await stack.enter_async_context(
            Broker.open(settings.nats_url, f"supermq-{service}")
        )
        await stack.enter_async_context(relaying(url, outbox, broker))
        session = await stack.enter_async_context(client_session())
        users = UsersClient(
            session, settings.users_url, service=service, secret=service_secret(service, settings)
        )
        app[CHECKS].extend(
            [Check("postgres", database.is_up), Check("nats", broker.is_up, is_required=False)]
        )
        if service != "users":
            keys = await stack.enter_async_context(CachedKeys.open(users.key_set))
            revocations = await stack.enter_async_context(
                Revocations.open(users.revocations, broker)
            )
            app[VERIFIER] = TokensAndKeys(
                LocalVerifier(keys, revocations), KeyVerifier(users.introspect, revocations)
            )
            app[CHECKS].extend(
                [Check("users", keys.is_loaded), Check("revocations", revocations.is_loaded)]
            )
        yield Foundation(database, outbox, broker, session, users, key)


def service_secret(service: str, settings: ServiceSettings) -> str:
    """The secret by which a service proves itself to users, given or kept."""
    return kept(
        settings,
        f"service-secret-{service}",
        settings.service_secret,
        variable=f"SMQ_{service.upper()}_SERVICE_SECRET",
    )
