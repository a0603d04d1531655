"""One platform for all end-to-end tests of a run."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.collector import Collector, running_collector
from tests.e2e.running import Platform, running_platform


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the platform sends its traces."""
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def platform(collector: Collector) -> Iterator[Platform]:
    """The whole platform on free ports, with an empty folder for its data."""
    # Not below pytest's own folder: that one is closed to the user PostgreSQL runs as under root.
    folder = Path(tempfile.mkdtemp(prefix="supermq-e2e-"))
    folder.chmod(0o755)
    tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with running_platform(folder, tracing) as running:
        yield running
    shutil.rmtree(folder)
