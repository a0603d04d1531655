"""wrk and pgbench, and what they say."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from msgspec import Struct

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Result(Struct, frozen=True, kw_only=True):
    """What was measured; times and CPU per request in milliseconds."""

    name: str
    per_second: float
    p50: float = 0.0
    p99: float = 0.0
    errors: int = 0
    cpu: dict[str, float] = {}


class LoadError(Exception):
    """The load generator failed; the text is what it said."""


def run_wrk(url: str, lua: Path, *, seconds: int, connections: int) -> tuple[Result, int]:
    """Call as fast as answers come; the result and the number of requests."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "--timeout",
        "10s",
        "-s",
        str(lua),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    text = done.stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    total = re.search(r"(\d+) requests in", text)
    if rate is None or total is None:
        raise LoadError(done.stderr or text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(refused[1]) if refused else 0
    errors += sum(map(int, sockets.groups())) if sockets else 0
    result = Result(
        name="",
        per_second=float(rate[1]),
        p50=_milliseconds(text, "50%"),
        p99=_milliseconds(text, "99%"),
        errors=errors,
    )
    return result, int(total[1])


def run_pgbench(programs: Path, folder: Path, url: str, *, seconds: int, connections: int) -> float:
    """Transactions a second of one row plus one outbox row in one statement.

    Args:
        programs: Where psql and pgbench are.
        folder: Where the script may be written.
        url: The database; its password is taken from `PGPASSWORD`.
    """
    script = folder / "bench.sql"
    script.write_text(
        "WITH changed AS (INSERT INTO bench (payload) VALUES ('x') RETURNING id) "
        "INSERT INTO bench_outbox (payload) SELECT 'x' FROM changed;\n"
    )
    psql = [str(programs / "psql"), "-q", "-d", url, "-c"]
    table = "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text)"
    for name in ("bench", "bench_outbox"):
        subprocess.run([*psql, f"CREATE TABLE IF NOT EXISTS {name} {table}"], check=True)  # noqa: S603
    command = [
        str(programs / "pgbench"),
        "-n",
        "-M",
        "prepared",
        "-f",
        str(script),
        f"-c{connections}",
        "-j1",
        f"-T{seconds}",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if rate is None:
        raise LoadError(done.stderr)
    return float(rate[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all below it."""
    ticks = os.sysconf("SC_CLK_TCK")
    own = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own = (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / ticks
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return own
    return own + sum(cpu_seconds(int(child)) for child in children)


def _milliseconds(text: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0
