"""Several processes of a service on one port: what they tell together, and signals to all."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.embedded.servers import NatsServer
from tests.fixtures.servers import Databases
from tests.processes import ServiceProcess
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("workers")

WORKERS = 2
KEYS = "/.well-known/jwks.json"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers") / "users.log"


@pytest.fixture(scope="module")
def service(
    databases: Databases, nats_server: NatsServer, redis_url: str, log: Path
) -> Iterator[ServiceProcess]:
    """Users, which needs no other service, with two workers."""
    with asyncio.Runner() as runner:
        name = runner.run(databases.take("users"))
        variables = {
            "USERS_DATABASE_URL": databases.url(name),
            "USERS_WORKERS": str(WORKERS),
            "NATS_URL": nats_server.url,
            "REDIS_URL": redis_url,
            "STATE_DIR": str(log.parent / "state"),
        }
        process = ServiceProcess("users", variables, log)
        runner.run(process.start())
        yield process
        runner.run(process.stop())
        runner.run(databases.give_back("users", name))


async def requests_counted(service: ServiceProcess) -> float:
    """What one of the workers says of all of them."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/metrics") as answer:
        text = await answer.text()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_request_duration_seconds_count" and sample.labels["route"] == KEYS
    )


def times_told(log: Path) -> int:
    return log.read_text().count('"log_level":"debug"')


async def test_each_worker_tells_the_sums_of_all(service: ServiceProcess) -> None:
    before = await requests_counted(service)

    for _ in range(20):  # a connection each, so that both workers get some
        async with aiohttp.ClientSession() as session, session.get(service.url + KEYS) as answer:
            assert answer.status == 200

    async def all_tell_the_same() -> bool:
        return {await requests_counted(service) - before for _ in range(8)} == {20}

    await eventually(all_tell_the_same, within_seconds=30, what="the sum from every worker")


async def test_a_signal_for_the_log_level_reaches_all_workers(
    service: ServiceProcess, log: Path
) -> None:
    async def are_told() -> bool:
        return times_told(log) == WORKERS

    os.kill(service.pid, signal.SIGUSR1)

    await eventually(are_told, within_seconds=30, what="the new level in all workers")
