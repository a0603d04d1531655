"""What bounds the rows: the same work without the platform, on the same machine."""

from __future__ import annotations

import os
import time

import bcrypt

from bench.database import Database
from bench.load import Result
from bench.processes import Parts, cpu_per_request

_BCRYPT_SECONDS = 2


def measure_ceilings(database: Database, parts: Parts, seconds: int) -> list[Result]:
    """What bcrypt and PostgreSQL do alone; the empty handlers are rows like any other."""
    parts.wait_until_quiet()
    return [_bcrypt(), _pgbench(database, parts, seconds)]


def _bcrypt() -> Result:
    """What bcrypt alone does on the threads that users gives it."""
    hashed = bcrypt.hashpw(b"12345678", bcrypt.gensalt(10))
    begin, used, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - begin < _BCRYPT_SECONDS:
        bcrypt.checkpw(b"12345678", hashed)
        count += 1
    threads = max(1, len(os.sched_getaffinity(0)) - 1)
    return Result(
        name="bcrypt",
        per_second=threads * count / (time.monotonic() - begin),
        cpu={"bcrypt": round((time.process_time() - used) / count * 1000, 4)},
    )


def _pgbench(database: Database, parts: Parts, seconds: int) -> Result:
    before = parts.cpu_seconds()
    rate, count = database.run_pgbench(seconds)
    cpu = cpu_per_request(before, parts.cpu_seconds(), count)
    return Result(name="pgbench", per_second=rate, cpu={"postgres": cpu["postgres"]})
