"""The same as an ordinary user, shown by root, who can become one."""

import os
import pwd
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.accounts import Account, can_read
from tests.integration.embedded.supermq import Supermq

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the other tests show it")


@pytest.fixture
def nobody() -> Account:
    """The user who owns nothing."""
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


@pytest.fixture
def ordinary(nobody: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supermq]:
    """The command in a folder of an ordinary user, run as that user."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in (Path(sys.executable).resolve().parent, Path("/usr/bin")):
        if (folder / version).exists() and can_read(folder, nobody):
            python = str(folder / version)
            break
    else:
        pytest.skip(f"an ordinary user can run no {version} here")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, nobody.uid, nobody.gid)
        command = Supermq(
            Path(home) / "data", Path(home) / "stopped", python=python, user=nobody.uid
        )
        yield command
        command.end()


def test_an_ordinary_user_runs_it(ordinary: Supermq, nobody: Account) -> None:
    for _ in (1, 2):
        process = ordinary.up_and_ready()
        assert ordinary.status()["ready"]
        for child in ordinary.children().values():
            assert Path(f"/proc/{child.pid}").stat().st_uid == nobody.uid
        ordinary.stop(process)
    assert ordinary.call("reset", "--yes").returncode == 0
    assert not ordinary.data.exists()


def test_root_can_go_on_with_the_data_of_an_ordinary_user(ordinary: Supermq) -> None:
    ordinary.stop(ordinary.up_and_ready())
    by_root = Supermq(ordinary.data, ordinary.journal)

    by_root.stop(by_root.up_and_ready())

    assert not any("initialising" in line for line in by_root.lines)


def test_a_folder_without_access_is_reported(ordinary: Supermq) -> None:
    ordinary.data.mkdir(mode=0o755)
    assert "no access to" in ordinary.failing_up()

    ordinary.data.chmod(0o700)
    assert "no access to" in ordinary.failing_up()

    assert "no access to" in ordinary.failing_up({"SMQ_DATA_DIR": "/usr/supermq"})


def test_a_folder_that_root_has_used_is_reported(ordinary: Supermq) -> None:
    by_root = Supermq(ordinary.data, ordinary.journal)
    by_root.stop(by_root.up_and_ready())

    assert f"no access to {ordinary.data}" in ordinary.failing_up()
