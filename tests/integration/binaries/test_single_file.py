"""The single file, built as `make build` builds it, on a machine with nothing but Python.

`SKIP_BUILD=1` leaves these tests out: building and unpacking are most of their time.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from deploy.embedded.ports import free_port
from shared.messaging.nkeys import new_seed
from tests.fixtures.servers import NewDatabase
from tests.integration.provision.conftest import LAYOUT
from tests.waiting import eventually

pytestmark = [
    pytest.mark.skipif("SKIP_BUILD" in os.environ, reason="SKIP_BUILD is set"),
    pytest.mark.xdist_group("single file"),
]

ROOT = Path(__file__).parents[3]
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
SERVICES = {
    name: target.split(".")[1] for name, target in SCRIPTS.items() if target.startswith("services.")
}


class Machine:
    """A folder with the build and a home, and an environment without anything of ours."""

    def __init__(self, folder: Path) -> None:
        self.build = folder / "build"
        self.environment = {
            "PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "PEX_ROOT": str(folder / "pex"),
        }

    def run(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.build / name, *arguments],
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @asynccontextmanager
    async def running(self, name: str, **variables: str) -> AsyncIterator[str]:
        """A service, for as long as the context lasts; yields where it answers."""
        port = str(free_port())
        service = SERVICES[name].upper()
        own = {f"SMQ_{service}_HTTP_PORT": port, f"SMQ_{service}_HTTP_HOST": "127.0.0.1"}
        process = await asyncio.create_subprocess_exec(
            self.build / name,
            env=self.environment | own | variables,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            assert await process.wait() == 0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    subprocess.run(
        [sys.executable, "-m", "deploy.binaries.build", "--quick", str(machine.build)],
        check=True,
        capture_output=True,
    )
    yield machine
    shutil.rmtree(machine.build.parent)


def test_the_file_answers_to_every_command(machine: Machine) -> None:
    files = list(machine.build.iterdir())

    assert {file.name for file in files} == set(SCRIPTS)
    assert len({file.stat().st_ino for file in files}) == 1
    assert "keep it running" in machine.run("supermq", "--help").stdout


def test_a_file_of_another_name_says_what_it_can_be_called(
    machine: Machine, tmp_path: Path
) -> None:
    other = tmp_path / "gadget"
    other.hardlink_to(machine.build / "supermq")

    refused = subprocess.run(
        [other], env=machine.environment, capture_output=True, text=True, check=False
    )

    assert refused.returncode == 2
    assert "supermq-provision" in refused.stderr


def test_without_postgresql_a_service_says_so_in_one_line(machine: Machine) -> None:
    refused = machine.run("supermq-things", SMQ_DATABASE_URL="postgresql://localhost:1")

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("supermq-things: PostgreSQL at localhost:1/things does not")


async def test_every_service_starts_with_nothing_but_postgresql(
    machine: Machine, new_database: NewDatabase
) -> None:
    variables: dict[str, dict[str, str]] = {name: {} for name in SERVICES}
    for name, service in SERVICES.items():
        if (ROOT / "services" / service / "migrations").is_dir():
            variables[name] = {f"SMQ_{service.upper()}_DATABASE_URL": await new_database(service)}
    server = variables["supermq-users"]["SMQ_USERS_DATABASE_URL"].rsplit("/", 1)[0]
    variables["supermq-bootstrap"] = {
        "SMQ_BOOTSTRAP_DATABASE_URL": f"{server}/not_there_yet_{uuid4().hex}",
    }
    # It has to be the one that the broker was configured with.
    variables["supermq-mqtt-auth"]["SMQ_MQTT_AUTH_ISSUER_SEED"] = new_seed()
    variables["supermq-provision"] |= {
        "SMQ_PROVISION_BS_SVC_URL": "http://localhost:9013/things",
        "SMQ_PROVISION_THINGS_LOCATION": "http://localhost:9000",
        "SMQ_PROVISION_USERS_LOCATION": "http://localhost:9002",
        "SMQ_PROVISION_CONFIG_FILE": str(LAYOUT),
    }
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for name in SERVICES:  # one after the other: the first compiles for all
            url = await stack.enter_async_context(machine.running(name, **variables[name]))

            async def answers(url: str = url) -> bool:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{url}/docs") as answer:
                        return answer.status == 200 and "<html" in await answer.text()
                return False

            await eventually(answers, within_seconds=60, what=name)
