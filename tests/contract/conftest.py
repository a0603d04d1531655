"""The real things behind the client that provision has."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.clients.base import client_session
from shared.clients.things import ThingsClient
from shared.postgres.pool import Database
from tests.contract.sets import Things
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings


@pytest.fixture
async def things(
    make_settings: MakeSettings[ThingsSettings],
    users_url: str,
    users_stand_in: UsersStandIn,
    aiohttp_server: AiohttpServer,
) -> AsyncIterator[Things]:
    settings = await make_settings(ThingsSettings, "things", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with (
        client_session() as session,
        Database.open(settings.database_url, size=1) as database,
    ):
        yield Things(ThingsClient(session, str(server.make_url("/"))), database, users_stand_in)
