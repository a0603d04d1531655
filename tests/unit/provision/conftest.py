"""Provision in memory, which does not wait between tries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.provision.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("services.provision.saga", "services.provision.service.undoing"):
        monkeypatch.setattr(f"{module}.PAUSES_SECONDS", (0.01,))
    monkeypatch.setattr("services.provision.service.undoing._LONGEST_PAUSE_SECONDS", 0.01)
