"""`make bench`: the embedded platform on fresh data, every row, one table.

`ROWS=mapping,identify` picks rows, `SECONDS=10` sets how long each is measured after a second of
warming up, `--json FILE` keeps the figures for `bench/compare.py`. Absolute figures belong to the
machine; compare shares of the ceilings, which are taken in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
import msgspec
import uvloop
from aiohttp import web

from bench.load import LoadError, Result, cpu_seconds, run_pgbench, run_wrk
from bench.rows import ROWS, Row, World, script
from deploy.embedded import programs
from deploy.embedded.accounts import choose_account
from deploy.embedded.ports import free_port

CONNECTIONS = 16
_PORTS = {
    "users": "SMQ_USERS_HTTP_PORT",
    "things": "SMQ_THINGS_HTTP_PORT",
    "bootstrap": "SMQ_BOOTSTRAP_HTTP_PORT",
    "provision": "SMQ_PROVISION_HTTP_PORT",
}
_SERVER_PORTS = (
    "SMQ_EMBEDDED_POSTGRES_PORT",
    "SMQ_EMBEDDED_REDIS_PORT",
    "SMQ_EMBEDDED_NATS_PORT",
)


def main() -> int:
    """Run the bench; 1 if any request failed."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    options = parser.parse_args()
    seconds = int(os.environ.get("SECONDS", "10"))
    wanted = [name for name in os.environ.get("ROWS", "").split(",") if name]
    rows = [row for row in ROWS if not wanted or row.name in wanted]
    rows = [row for row in ROWS if row.name in {r.ceiling for r in rows} or row in rows]
    with tempfile.TemporaryDirectory(prefix="supermq-bench-") as folder:
        Path(folder).chmod(0o711)
        with _platform(Path(folder)) as (addresses, pids), _empty_service() as empty:
            world = _seed(addresses, empty)
            results = [_ceiling_bcrypt(), _ceiling_pgbench(Path(folder), seconds)]
            _print_head(seconds)
            for result in results:
                _print_row(None, result, results)
            for row in rows:
                result = _measure(row, world, pids, Path(folder), seconds)
                results.append(result)
                _print_row(row, result, results)
    if options.json:
        options.json.write_bytes(msgspec.json.encode(results))
    return 1 if any(result.errors for result in results) else 0


def _measure(row: Row, world: World, pids: dict[str, int], folder: Path, seconds: int) -> Result:
    lua = folder / "row.lua"
    url = getattr(world, row.url)
    lua.write_text(script(row, world, f"warm-{time.monotonic_ns()}"))
    run_wrk(url, lua, seconds=1, connections=CONNECTIONS)
    lua.write_text(script(row, world, str(time.monotonic_ns())))
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    result, requests = run_wrk(url, lua, seconds=seconds, connections=CONNECTIONS)
    cpu = {
        name: round((cpu_seconds(pid) - before[name]) / requests * 1000, 3)
        for name, pid in pids.items()
    }
    used = {name: value for name, value in cpu.items() if value >= 0.005}
    return msgspec.structs.replace(result, name=row.name, cpu=used)


def _ceiling_bcrypt() -> Result:
    """What bcrypt alone does on the threads that users gives it."""
    begin, count = time.monotonic(), 0
    hashed = bcrypt.hashpw(b"12345678", bcrypt.gensalt(10))
    while time.monotonic() - begin < 2:
        bcrypt.checkpw(b"12345678", hashed)
        count += 1
    threads = max(1, len(os.sched_getaffinity(0)) - 1)
    return Result(name="bcrypt", per_second=threads * count / (time.monotonic() - begin))


def _ceiling_pgbench(folder: Path, seconds: int) -> Result:
    url = (folder / "data/secrets/bench-url").read_text()
    account = choose_account(folder)
    directory = programs.postgres_programs(account, folder)
    parts = urlsplit(url)
    os.environ["PGPASSWORD"] = parts.password or ""
    bare = f"postgresql://{parts.username}@{parts.hostname}:{parts.port}/things"
    rate = run_pgbench(directory, folder, bare, seconds=seconds, connections=CONNECTIONS)
    return Result(name="pgbench", per_second=rate)


def _seed(addresses: dict[str, str], empty: str) -> World:
    login = {"identity": "bench@example.com", "secret": "12345678"}
    _call(f"{addresses['users']}/users", {"credentials": login})
    token = _call(f"{addresses['users']}/users/tokens/issue", login)["access_token"]
    label = {"external_id": "bench", "external_key": "bench-key"}
    mapping = _call(f"{addresses['provision']}/mapping", label, token)
    thing = mapping["things"][0]
    return World(
        **addresses,
        empty=empty,
        token=token,
        thing_id=thing["id"],
        thing_key=thing["key"],
        external_id=label["external_id"],
        external_key=label["external_key"],
    )


def _call(url: str, body: dict[str, Any], token: str = "") -> Any:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


@contextlib.contextmanager
def _platform(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, int]]]:
    """`supermq up` on fresh data: addresses and process ids by part."""
    ports = {variable: str(free_port()) for variable in (*_PORTS.values(), *_SERVER_PORTS)}
    data = folder / "data"
    supermq = [sys.executable, "-m", "deploy.embedded"]
    process = subprocess.Popen(  # noqa: S603
        [*supermq, "up", "--data", str(data)],
        env=os.environ | ports,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it is piped
        if not any(line.startswith("ready") for line in process.stdout):
            raise LoadError("the platform did not start")
        shown = subprocess.run(  # noqa: S603
            [*supermq, "status", "--json", "--data", str(data)],
            capture_output=True,
            check=False,
        )
        pids = {part["name"]: part["pid"] for part in json.loads(shown.stdout)["parts"]}
        password = (data / "secrets/postgres-password").read_text()
        port = ports["SMQ_EMBEDDED_POSTGRES_PORT"]
        (data / "secrets/bench-url").write_text(f"postgresql://supermq:{password}@127.0.0.1:{port}")
        yield {name: f"http://127.0.0.1:{ports[v]}" for name, v in _PORTS.items()}, pids
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _empty_service() -> Iterator[str]:
    """An aiohttp handler that does nothing: what the framework alone costs."""
    port = free_port()
    started = threading.Event()
    stop: list[Any] = []

    async def serve() -> None:
        async def answer(request: web.Request) -> web.Response:
            await request.read()
            return web.Response(body=b"{}", content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        started.set()
        await end.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop, end = stop[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()


def _print_head(seconds: int) -> None:
    workers = {name: os.environ.get(f"SMQ_{name.upper()}_WORKERS", "1") for name in _PORTS}
    told = ", ".join(f"{name} {count}" for name, count in workers.items())
    sys.stdout.write(
        f"{CONNECTIONS} connections, {seconds} s a row, workers: {told}\n\n"
        "row               per s     p50 ms    p99 ms  errors   goal  share of ceiling"
        "      CPU ms per request\n"
    )


def _print_row(row: Row | None, result: Result, results: list[Result]) -> None:
    rates = {each.name: each.per_second for each in results}
    share = ""
    if row is not None and row.ceiling in rates:
        share = f"{result.per_second / rates[row.ceiling]:5.0%} of {row.ceiling}"
    goal = str(row.goal) if row is not None and row.goal else ""
    cpu = " ".join(f"{name} {value:g}" for name, value in result.cpu.items())
    sys.stdout.write(
        f"{result.name:<16}{result.per_second:>8.0f} {result.p50:>9.2f} {result.p99:>9.2f}"
        f" {result.errors:>7} {goal:>6}  {share:<22}{cpu}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
