"""A database with an outbox, and a broker with an empty stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from deploy.embedded.servers import NatsServer
from shared.events.broker import STREAM, Broker
from shared.postgres.pool import Database
from tests.fixtures.servers import NewDatabase


@pytest.fixture
async def database_url(new_database: NewDatabase) -> str:
    return await new_database("provision")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url, size=4) as database:
        yield database


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncIterator[Broker]:
    async with Broker.open(nats_server.url, "tests") as broker:
        # Tests of services that ran before in this worker have left their events.
        await (await broker.jetstream()).purge_stream(STREAM)
        yield broker
        with suppress(NotFoundError):
            await (await broker.jetstream()).delete_stream(STREAM)


@pytest.fixture
async def jetstream(broker: Broker) -> JetStreamContext:
    return await broker.jetstream()
