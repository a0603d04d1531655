"""A `supermq` per test, in a folder and on ports of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.embedded.supermq import Supermq


@pytest.fixture
def supermq(tmp_path: Path) -> Iterator[Supermq]:
    """The command with a fresh data folder."""
    command = Supermq(tmp_path / "data", tmp_path / "stopped")
    yield command
    command.end()
