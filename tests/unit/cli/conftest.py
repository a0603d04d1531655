"""The program in this process, with a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.app import run


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    printed: str
    complained: str


Cli = Callable[..., Ran]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests."""
    for name in ("URL", "TOKEN", "PROFILE", "CA_CERT", "BOOTSTRAP_ENCRYPT_KEY"):
        monkeypatch.delenv(f"SMQ_{name}", raising=False)
    monkeypatch.setenv("SMQ_CLI_CONFIG", str(tmp_path / "kept" / "cli.json"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command line."""

    def cli(*arguments: str) -> Ran:
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return cli
