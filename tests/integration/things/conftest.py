"""The things service on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.postgres.pool import Database
from tests.fixtures.services import MakeSettings
from tests.integration.things.api import ThingsApi


@pytest.fixture
async def things_settings(
    make_settings: MakeSettings[ThingsSettings], users_url: str
) -> ThingsSettings:
    """Settings of the service under test; a second instance takes the same."""
    return await make_settings(ThingsSettings, "things", USERS_URL=users_url)


@pytest.fixture
async def things_api(things_settings: ThingsSettings, aiohttp_client: AiohttpClient) -> ThingsApi:
    """The service as it runs."""
    return ThingsApi(await aiohttp_client(create_app(things_settings)))


@pytest.fixture
async def things_database(things_settings: ThingsSettings) -> AsyncIterator[Database]:
    """Its database."""
    async with Database.open(things_settings.database_url, size=2) as database:
        yield database
