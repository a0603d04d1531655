"""Mappings while services are killed and restarted at random: no orphans, no half sets.

`CHAOS_SECONDS` says for how long (a few by default, so that it can run with all other tests).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from deploy.embedded.servers import NatsServer
from tests.fixtures.servers import NewDatabase
from tests.integration.provision.conftest import LAYOUT
from tests.processes import ServiceProcess, running
from tests.waiting import eventually

SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))
CALLERS = 8


class Kept:
    """What the databases hold after all."""

    def __init__(self, databases: dict[str, str]) -> None:
        self._databases = databases

    async def rows(self, service: str, statement: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._databases[service])
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def ids(self, service: str, column: str, table: str) -> set[UUID]:
        return {row[0] for row in await self.rows(service, f"SELECT {column} FROM {table}")}  # noqa: S608

    async def is_settled(self) -> bool:
        unfinished = await self.rows(
            "provision",
            "SELECT id FROM mappings WHERE status IN ('running', 'undoing', 'stuck')",
        )
        return not unfinished


@pytest.fixture
async def databases(new_database: NewDatabase) -> dict[str, str]:
    return {
        name: await new_database(name) for name in ("users", "things", "bootstrap", "provision")
    }


@pytest.fixture
def processes(
    databases: dict[str, str], nats_server: NatsServer, redis_url: str, tmp_path: Path
) -> dict[str, ServiceProcess]:
    # In one state folder they find each other's secrets, as on one machine.
    common = {
        "NATS_URL": nats_server.url,
        "REDIS_URL": redis_url,
        "STATE_DIR": str(tmp_path / "state"),
        "LOG_LEVEL": "warning",
    }

    def new(service: str, **variables: str) -> ServiceProcess:
        own = {f"{service.upper()}_DATABASE_URL": databases[service]}
        return ServiceProcess(service, common | own | variables, tmp_path / f"{service}.log")

    users = new("users")
    common["USERS_URL"] = users.url
    things = new("things")
    bootstrap = new("bootstrap", THINGS_URL=things.url)
    provision = new(
        "provision",
        PROVISION_THINGS_LOCATION=things.url,
        PROVISION_BS_SVC_URL=bootstrap.url,
        PROVISION_CONFIG_FILE=str(LAYOUT),
        PROVISION_LEASE="2s",
    )
    return {"users": users, "things": things, "bootstrap": bootstrap, "provision": provision}


async def signed_in(session: aiohttp.ClientSession, users_url: str, number: int) -> dict[str, str]:
    """The headers of a new user."""
    login = {"identity": f"caller-{number}@example.com", "secret": "12345678"}
    async with session.post(f"{users_url}/users", json={"credentials": login}) as response:
        assert response.status == 201, await response.text()
    async with session.post(f"{users_url}/users/tokens/issue", json=login) as response:
        token = (await response.json())["access_token"]
    return {"Authorization": f"Bearer {token}"}


async def test_services_that_die_at_random_leave_no_orphan_and_no_half_set(
    databases: dict[str, str], processes: dict[str, ServiceProcess]
) -> None:
    callers: list[dict[str, str]] = []
    end = 0.0
    mapped: set[str] = set()
    asked: set[str] = set()
    kills = 0

    async def map_one_after_another(caller: int, session: aiohttp.ClientSession) -> None:
        for number in range(10**6):
            if time.monotonic() > end:
                return
            external_id = f"gateway-{caller}-{number}"
            asked.add(external_id)
            try:
                async with session.post(
                    f"{processes['provision'].url}/mapping",
                    json={"external_id": external_id, "external_key": "key"},
                    headers=callers[caller],
                ) as response:
                    assert response.status in (201, 409, 503), await response.text()
                    if response.status == 201:
                        mapped.add(external_id)
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)  # it has just been killed

    async def kill_at_random() -> None:
        nonlocal kills
        dice = random.Random(7)
        while time.monotonic() < end:
            await asyncio.sleep(dice.uniform(0.2, 0.8))
            victim = processes[dice.choice(sorted(processes))]
            await victim.kill()
            await victim.start()
            kills += 1

    async with AsyncExitStack() as stack:
        for process in processes.values():
            await stack.enter_async_context(running(process))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        callers += [await signed_in(session, processes["users"].url, n) for n in range(CALLERS)]
        end = time.monotonic() + SECONDS
        await asyncio.gather(
            kill_at_random(), *(map_one_after_another(n, session) for n in range(CALLERS))
        )
        kept = Kept(databases)
        await eventually(kept.is_settled, within_seconds=120, what="a settled journal")

    active = await kept.rows(
        "provision",
        "SELECT external_id, thing_ids, channel_ids FROM mappings WHERE status = 'active'",
    )
    things = {thing for row in active for thing in row["thing_ids"]}
    channels = {channel for row in active for channel in row["channel_ids"]}
    assert kills > 0
    assert mapped
    assert mapped <= {row["external_id"] for row in active} <= asked
    assert await kept.ids("things", "id", "things") == things
    assert await kept.ids("things", "id", "channels") == channels
    assert await kept.ids("bootstrap", "thing_id", "configs") == things
    assert len(await kept.rows("things", "SELECT 1 FROM connections")) == len(channels)
