"""How full a process is and what it can reach, looked up now and then for `/metrics`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from prometheus_client import Gauge

from shared.errors import Unavailable
from shared.http.health import CHECKS, VERSION, results
from shared.http.metrics import IN_PROGRESS
from shared.postgres.pool import Database
from shared.tasks import stop
from shared.timings import Timings

BUILD = Gauge(
    "build_info", "What runs; always 1.", ["service", "version", "commit"], multiprocess_mode="max"
)
REQUESTS = Gauge(
    "http_requests_in_progress", "Requests being answered.", multiprocess_mode="livesum"
)
LAG = Gauge(
    "event_loop_lag_seconds",
    "How late the process came to its last look; more than little means that it is overloaded.",
    multiprocess_mode="livemax",
)
UP = Gauge(
    "dependency_up",
    "Whether what the service leans on is there, 1 or 0.",
    ["dependency"],
    multiprocess_mode="livemin",
)
POOL = Gauge(
    "postgresql_pool",
    "Connections open and busy, and callers waiting for one.",
    ["state"],
    multiprocess_mode="livesum",
)
OUTBOX = Gauge(
    "outbox_waiting",
    "Events not published yet; counted up to 100,000.",
    multiprocess_mode="max",
)

_PERIOD_SECONDS = 2.0


@asynccontextmanager
async def watching(
    app: web.Application, service: str, database: Database | None = None
) -> AsyncIterator[None]:
    """Look for as long as the context lasts."""
    BUILD.labels(service, VERSION, os.environ.get("SMQ_COMMIT", "unknown")).set(1)
    task = asyncio.create_task(_look_for_ever(app, database), name="saturation")
    try:
        yield
    finally:
        await stop(task)


async def _look_for_ever(app: web.Application, database: Database | None) -> None:
    while True:
        due = time.monotonic() + _PERIOD_SECONDS
        await asyncio.sleep(_PERIOD_SECONDS)
        LAG.set(max(0.0, time.monotonic() - due))
        await look(app, database)


async def look(app: web.Application, database: Database | None) -> None:
    """Set the gauges."""
    Timings.hand_over()
    REQUESTS.set(IN_PROGRESS.requests)
    for check, is_up in (await results(app[CHECKS])).items():
        UP.labels(check.name).set(is_up)
    if database is None:
        return
    usage = database.usage()
    for state in usage.__struct_fields__:
        POOL.labels(state).set(getattr(usage, state))
    with suppress(Unavailable):
        OUTBOX.set(
            await database.fetchval("SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS o")
        )
