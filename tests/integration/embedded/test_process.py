"""One supervised child."""

import asyncio
import dataclasses
import os
import sys
from pathlib import Path

import pytest

from deploy.embedded.errors import ChildDied, NotReadyInTime
from deploy.embedded.process import Child, Command

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); input()"
WITH_CHILD = (
    "import subprocess, sys; "
    "child = subprocess.Popen(['sleep', '100']); print(child.pid); child.wait()"
)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A program that runs until it is stopped."""
    return Command(
        name="sleeper",
        arguments=(sys.executable, "-c", "import time; print('up'); time.sleep(100)"),
        log=tmp_path / "log",
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
        ready_seconds=10,
        grace_seconds=0.2,
    )


def program(command: Command, text: str) -> Command:
    return dataclasses.replace(
        command,
        arguments=(
            sys.executable,
            "-S",
            "-c",
            text.replace("input()", "__import__('time').sleep(100)"),
        ),
    )


async def said_something(command: Command) -> bool:
    return command.log.stat().st_size > 0


async def test_one_that_does_not_become_ready_is_reported(command: Command) -> None:
    child = Child(dataclasses.replace(command, ready_seconds=0.5))
    await child.start()

    async def never() -> bool:
        return False

    try:
        with pytest.raises(NotReadyInTime, match=r"sleeper was not ready after 0\.5 s: up \(log"):
            await child.until_ready(never)
        assert child.running
    finally:
        await child.stop()


async def test_one_that_does_not_exist_is_reported(command: Command) -> None:
    child = Child(dataclasses.replace(command, arguments=("/nowhere/program",)))
    await child.start()

    with pytest.raises(ChildDied, match="cannot run /nowhere/program: No such file"):
        await child.until_ready(lambda: asyncio.sleep(0, False))


async def test_one_that_ignores_the_signal_is_killed(command: Command) -> None:
    deaf = program(command, DEAF)
    child = Child(deaf)
    await child.start()
    await child.until_ready(lambda: said_something(deaf))

    await child.stop()

    assert await child.wait() == -9
    assert await child.died() is None


async def test_its_own_children_are_killed_with_it(command: Command) -> None:
    parent = program(
        command, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WITH_CHILD
    )
    child = Child(parent)
    await child.start()
    await child.until_ready(lambda: said_something(parent))
    grandchild = int(parent.log.read_text())

    await child.stop()

    state = Path(f"/proc/{grandchild}/stat")
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] not in "ZX":  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)
