"""`supermq status` and `supermq reset`."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from deploy.embedded.identity import Identity
from deploy.embedded.record import PartRecord, RunRecord, write_record
from tests.integration.embedded.supermq import SERVERS, SERVICES, Supermq

SLEEPER = (sys.executable, "-S", "-c", "input()")


def test_status_of_nothing_is_3(supermq: Supermq) -> None:
    result = supermq.call("status")

    assert result.returncode == 3
    assert f"supermq does not run on {supermq.data}" in result.stdout
    assert not supermq.data.exists()


def test_status_of_everything_is_0(supermq: Supermq) -> None:
    process = supermq.up_and_ready()

    text = supermq.call("status")
    found = supermq.status()

    assert text.returncode == 0
    assert [line.split()[:2] for line in text.stdout.splitlines()] == [
        [name, "ready"] for name in (*SERVERS, *SERVICES)
    ]
    assert found["pid"] == process.pid
    assert found["ready"] is True
    for part in found["parts"]:
        assert part["running"]
        assert part["ready"]
        assert part["pid"] == supermq.children()[part["name"]].pid
        assert "localhost" in part["url"]


def test_status_of_one_that_hangs_is_1(supermq: Supermq) -> None:
    supermq.up_and_ready()
    hanging = supermq.children()["bootstrap"].pid
    subprocess.run(["kill", "-STOP", str(hanging)], check=True)
    try:
        result = supermq.call("status", "--json")
    finally:
        subprocess.run(["kill", "-CONT", str(hanging)], check=True)

    assert result.returncode == 1
    found = json.loads(result.stdout)
    states = {part["name"]: (part["running"], part["ready"]) for part in found["parts"]}
    assert states.pop("bootstrap") == (True, False)
    assert set(states.values()) == {(True, True)}


def test_reset_is_refused_while_it_runs(supermq: Supermq) -> None:
    supermq.up_and_ready()

    result = supermq.call("reset", "--yes")

    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "already runs" in result.stderr
    assert supermq.status()["ready"]


def test_reset_asks_and_then_removes_everything(supermq: Supermq) -> None:
    supermq.stop(supermq.up_and_ready())

    for no in ("", "\n", "n\n", "what?\n"):
        assert supermq.call("reset", answer=no).returncode == 1
        assert (supermq.data / "postgres" / "cluster").exists()
    assert supermq.call("reset", answer="y\n").returncode == 0
    assert not supermq.data.exists()
    assert supermq.call("reset", "--yes").returncode == 0
    supermq.up_and_ready()
    assert "postgres     first start, initialising" in supermq.lines


def test_reset_leaves_other_folders_alone(supermq: Supermq) -> None:
    supermq.data.mkdir()
    (supermq.data / "thesis.txt").write_text("years of work")

    result = supermq.call("reset", "--yes")

    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "does not look like a data folder" in result.stderr
    assert (supermq.data / "thesis.txt").exists()


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    """A process that could be a leftover."""
    return subprocess.Popen(SLEEPER, stdin=subprocess.PIPE)


def leave_behind(supermq: Supermq, identity: Identity) -> None:
    """Make the folder look as after a crash of the supervisor."""
    supermq.data.mkdir()
    Path(supermq.data / ".supermq-data").touch()
    part = PartRecord(name="things", url="", check_url=None, identity=identity)
    gone = msgspec.structs.replace(identity, pid=2**22 + 1)
    write_record(supermq.data / "run.json", RunRecord(supervisor=gone, parts=(part,)))


def test_the_next_start_ends_leftovers(supermq: Supermq, sleeper: subprocess.Popen[bytes]) -> None:
    leave_behind(supermq, Identity.of(sleeper.pid, SLEEPER))

    supermq.up_and_ready()

    assert "leftovers    ended what an earlier run left: things" in supermq.lines
    sleeper.communicate()
    assert sleeper.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    "difference", [{"command": ("sleep", "100")}, {"started": 1}, {"started": None}]
)
def test_a_stranger_with_a_recorded_number_is_left_alone(
    supermq: Supermq, sleeper: subprocess.Popen[bytes], difference: dict[str, object]
) -> None:
    identity = Identity.of(sleeper.pid, SLEEPER)
    leave_behind(supermq, msgspec.structs.replace(identity, **difference))

    assert supermq.call("reset", "--yes").returncode == 0

    assert sleeper.poll() is None
    sleeper.communicate(b"\n")
    assert sleeper.returncode == 0
