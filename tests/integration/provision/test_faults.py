"""The proof: whatever fails at whichever step, the full set is there or nothing is.

For every step of a mapping and every fault: the fault happens, everything runs again, and then the
databases of things, bootstrap and certs are counted and compared with the journal. Afterwards the
same request must succeed, with exactly one set.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from deploy.embedded.servers import NatsServer
from services.bootstrap.settings import BootstrapSettings
from services.certs.app import create_app as create_certs
from services.certs.settings import CertsSettings
from services.provision.app import create_app as create_provision
from services.provision.settings import ProvisionSettings
from services.things.settings import ThingsSettings
from tests.faults import Fault, FaultyProxy
from tests.fixtures.services import SERVICE_SECRETS, MakeSettings, User
from tests.integration.provision.conftest import LAYOUT, Client
from tests.processes import ServiceProcess, running
from tests.waiting import eventually

GATEWAY = {"external_id": "33:52:79:C3:43", "external_key": "223334fw2"}
FULL = {"things": 1, "channels": 3, "connections": 3, "configs": 1}
NOTHING = {"things": 0, "channels": 0, "connections": 0, "configs": 0}
CERTIFICATE = {"certificates": 1}
NO_CERTIFICATE = {"certificates": 0}

STEPS = {
    "token": ("users", "POST", "/internal/tokens/exchange"),
    "entities": ("things", "PUT", "/internal/sets"),
    "certificates": ("certs", "PUT", "/internal/certificates/"),
    "config": ("bootstrap", "PUT", "/internal/configs"),
}
WITHOUT_CERTIFICATES = ("token", "entities", "config")
SERVICE_FAULTS = [
    Fault.ANSWERS_500,
    Fault.ANSWERS_503,
    Fault.COMMITS_LATE,
    Fault.DIES_BEFORE_EFFECT,
    Fault.DIES_AFTER_EFFECT,
]
KINDS = [(False, step) for step in WITHOUT_CERTIFICATES] + [(True, step) for step in STEPS]
FAULTS = [(*kind, fault) for kind in KINDS for fault in SERVICE_FAULTS]
MOMENTS = [
    (*kind, moment)
    for kind in KINDS
    for moment in (Fault.HOLDS_BEFORE_EFFECT, Fault.HOLDS_AFTER_EFFECT)
]
QUICK = {
    "PROVISION_MAPPING_DEADLINE": "1500ms",
    "PROVISION_ANSWER_PATIENCE": "10s",
    "PROVISION_CALL_TIMEOUT": "500ms",
    "PROVISION_LEASE": "1s",
    "PROVISION_CONFIG_FILE": str(LAYOUT),
}


class World(Struct, frozen=True):
    """Things, bootstrap and perhaps certs, reached through proxies, and their databases."""

    proxies: dict[str, FaultyProxy]
    things_database: str
    bootstrap_database: str
    provision_settings: ProvisionSettings
    certs_database: str = ""

    @property
    def full(self) -> dict[str, int]:
        """What one mapping makes."""
        return FULL | (CERTIFICATE if self.certs_database else {})

    @property
    def nothing(self) -> dict[str, int]:
        """What no mapping has made."""
        return NOTHING | (NO_CERTIFICATE if self.certs_database else {})

    def break_step(self, step: str, fault: Fault) -> FaultyProxy:
        service, method, prefix = STEPS[step]
        self.proxies[service].break_calls(fault, method, prefix)
        return self.proxies[service]

    async def mend(self) -> None:
        for proxy in self.proxies.values():
            await proxy.mend()

    async def held(self) -> dict[str, int]:
        """What the services' databases hold."""
        counts = {}
        for database, tables in (
            (self.things_database, ("things", "channels", "connections")),
            (self.bootstrap_database, ("configs",)),
        ):
            connection = await asyncpg.connect(database)
            for table in tables:
                counts[table] = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
            await connection.close()
        if self.certs_database:
            connection = await asyncpg.connect(self.certs_database)
            counts["certificates"] = await connection.fetchval(
                "SELECT count(*) FROM certificates WHERE revoked_at IS NULL"
            )
            await connection.close()
        return counts

    async def statuses(self) -> list[str]:
        """What the journal says."""
        connection = await asyncpg.connect(self.provision_settings.database_url)
        rows = await connection.fetch("SELECT status FROM mappings ORDER BY created_at")
        await connection.close()
        return [row["status"] for row in rows]

    async def settled(self) -> list[str]:
        """What the journal says when nothing is in work any more."""

        async def look() -> list[str] | None:
            statuses = await self.statuses()
            return None if {"running", "undoing", "stuck"} & set(statuses) else statuses or ["none"]

        return await eventually(look, within_seconds=30, what="a settled journal")

    async def assert_all_or_nothing(self) -> None:
        """The services hold what the journal says."""
        statuses = await self.settled()
        expected = self.full if "active" in statuses else self.nothing
        assert await self.held() == expected, statuses


@pytest.fixture
def is_certified() -> bool:
    """Whether the layout makes certificates; rows of the tables say otherwise."""
    return False


@pytest.fixture
async def world(
    is_certified: bool,
    make_settings: MakeSettings[Any],
    aiohttp_server: AiohttpServer,
    things_server: TestServer,
    bootstrap_server: TestServer,
    things_settings: ThingsSettings,
    bootstrap_settings: BootstrapSettings,
    users_url: str,
) -> AsyncIterator[World]:
    proxies = {
        "users": FaultyProxy(users_url),
        "things": FaultyProxy(str(things_server.make_url(""))),
        "bootstrap": FaultyProxy(str(bootstrap_server.make_url(""))),
    }
    certs_database = ""
    if is_certified:
        certs = await make_settings(CertsSettings, "certs", USERS_URL=users_url)
        certs_database = certs.database_url
        server = await aiohttp_server(create_certs(certs))
        proxies["certs"] = FaultyProxy(str(server.make_url("")))
    for proxy in proxies.values():
        await proxy.start()
    settings = await make_settings(
        ProvisionSettings,
        "provision",
        PROVISION_USERS_LOCATION=proxies["users"].url,
        PROVISION_THINGS_LOCATION=proxies["things"].url,
        PROVISION_BS_SVC_URL=proxies["bootstrap"].url,
        PROVISION_CERTS_SVC_URL=proxies["certs"].url if is_certified else "",
        PROVISION_X509_PROVISIONING=str(is_certified),
        **QUICK,
    )
    yield World(
        proxies,
        things_settings.database_url,
        bootstrap_settings.database_url,
        settings,
        certs_database,
    )
    for proxy in proxies.values():
        await proxy.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoing tries often, and callers do not wait for it."""
    monkeypatch.setattr("services.provision.service.undoing._LONGEST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr("services.provision.service.mapping._CLEAN_TABLE_SECONDS", 0.2)


@pytest.fixture
async def provision(world: World, aiohttp_client: AiohttpClient) -> Client:
    return await aiohttp_client(create_provision(world.provision_settings))


@pytest.mark.parametrize(("is_certified", "step", "fault"), FAULTS)
async def test_a_service_that_fails_for_good_leaves_all_or_nothing(
    world: World, provision: Client, alice: User, step: str, fault: Fault
) -> None:
    world.break_step(step, fault)

    response = await provision.post("/mapping", json=GATEWAY, headers=alice.headers)
    if step != "token":  # without which nothing can be taken back
        await world.settled()
    await world.mend()

    assert response.status == 503
    assert set(world.proxies[STEPS[step][0]].late) <= ({200} if step == "token" else {409})
    await world.assert_all_or_nothing()
    assert await map_until_answered(str(provision.make_url("")), alice) == 201
    assert await world.held() == world.full
    assert (await world.settled())[0] == "undone"


@pytest.mark.parametrize(("is_certified", "step", "fault"), FAULTS)
async def test_a_service_that_comes_back_in_time_costs_nothing_but_time(
    world: World, provision: Client, alice: User, step: str, fault: Fault
) -> None:
    proxy = world.break_step(step, fault)

    request = asyncio.create_task(provision.post("/mapping", json=GATEWAY, headers=alice.headers))
    await proxy.reached.wait()
    await world.mend()

    response = await request
    assert response.status == 201
    assert await world.held() == world.full
    assert await world.settled() == ["active"]


@pytest.mark.parametrize(("is_certified", "step", "moment"), MOMENTS)
async def test_a_caller_who_hangs_up_leaves_all_or_nothing(
    world: World, provision: Client, alice: User, step: str, moment: Fault
) -> None:
    proxy = world.break_step(step, moment)
    async with aiohttp.ClientSession() as caller:
        request = asyncio.create_task(
            caller.post(provision.make_url("/mapping"), json=GATEWAY, headers=alice.headers)
        )
        await proxy.reached.wait()
        request.cancel()
        with suppress(asyncio.CancelledError):
            await request
    await world.mend()

    await world.assert_all_or_nothing()
    assert await map_until_answered(str(provision.make_url("")), alice) == 201
    assert await world.held() == world.full


NewProcess = Callable[[], ServiceProcess]


@pytest.fixture
def new_process(
    world: World, nats_server: NatsServer, redis_url: str, tmp_path: Path
) -> NewProcess:
    """Makes a provision on the world's journal."""
    settings = world.provision_settings
    variables = {
        "PROVISION_DATABASE_URL": settings.database_url,
        "PROVISION_SERVICE_SECRET": SERVICE_SECRETS["provision"],
        "PROVISION_USERS_LOCATION": settings.users_url,
        "PROVISION_THINGS_LOCATION": settings.things_url,
        "PROVISION_BS_SVC_URL": settings.bootstrap_url,
        "PROVISION_CERTS_SVC_URL": settings.certs_url,
        "PROVISION_X509_PROVISIONING": str(settings.x509_provisioning),
        "STATE_DIR": settings.state_dir,
        "NATS_URL": nats_server.url,
        "REDIS_URL": redis_url,
        **QUICK,
    }
    return lambda: ServiceProcess("provision", variables, tmp_path / "provision.log")


async def map_until_answered(url: str, user: User) -> int:
    """Ask as a patient caller does: again while it is still running."""

    async def ask() -> int | None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{url.rstrip('/')}/mapping", json=GATEWAY, headers=user.headers
            ) as response,
        ):
            return None if response.status in (409, 503) else response.status

    return await eventually(ask, within_seconds=30, what="an answer")


@pytest.mark.parametrize(("is_certified", "step", "moment"), MOMENTS)
async def test_a_provision_that_is_killed_leaves_all_or_nothing(
    world: World, new_process: NewProcess, alice: User, step: str, moment: Fault
) -> None:
    proxy = world.break_step(step, moment)
    async with running(new_process()) as process:
        request = asyncio.create_task(map_until_answered(process.url, alice))
        await proxy.reached.wait()
        await process.kill()
        request.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await request
    await world.mend()

    async with running(new_process()) as process:
        await world.assert_all_or_nothing()
        assert await map_until_answered(process.url, alice) == 201

    assert await world.held() == world.full


async def test_two_processes_asked_for_the_same_gateway_make_it_once(
    world: World, new_process: NewProcess, alice: User
) -> None:
    async with running(new_process()) as first, running(new_process()) as second:
        answers: list[Awaitable[int]] = [
            map_until_answered(process.url, alice) for process in (first, second) for _ in range(20)
        ]

        assert await asyncio.gather(*answers) == [201] * 40

    assert await world.held() == world.full
    assert await world.statuses() == ["active"]
