"""`make bench`: the embedded platform on fresh data, every row, one table.

`ROWS=mapping,identify` picks rows, `SECONDS=10` sets how long each is measured after a second of
warming up, `--json FILE` keeps the figures for `bench/compare.py`. Absolute figures belong to the
machine; compare shares of the ceilings, which are taken in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import bcrypt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name

from bench.fleet import Fleet, FleetResult
from bench.load import Result, cpu_seconds, run_pgbench, run_wrk
from bench.mqtt import Devices, measure_devices
from bench.platform import PORTS, call, empty_service, resident_megabytes, running_platform
from bench.rows import ROWS, Row, World, script
from deploy.embedded import programs
from deploy.embedded.accounts import choose_account

CONNECTIONS = 16


def main() -> int:
    """Run the bench; 1 if any request failed."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    parser.add_argument(
        "--fleet", type=int, default=0, help="also map this many gateways, and delete them"
    )
    parser.add_argument(
        "--grown",
        type=int,
        default=0,
        metavar="GATEWAYS",
        help="measure again with this many mappings and ten times as many things in place",
    )
    options = parser.parse_args()
    seconds = int(os.environ.get("SECONDS", "10"))
    wanted = [name for name in os.environ.get("ROWS", "").split(",") if name]
    rows = [row for row in ROWS if not wanted or row.name in wanted]
    rows = [row for row in ROWS if row.name in {r.ceiling for r in rows} or row in rows]
    with tempfile.TemporaryDirectory(prefix="supermq-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with running_platform(folder) as (addresses, pids), empty_service() as empty:
            world = _seed(addresses, empty)
            results = [_ceiling_bcrypt(), _ceiling_pgbench(folder, seconds)]
            _print_head(seconds)
            for result in results:
                _print_row(None, result, results)
            measure = partial(_measure_all, rows, world, pids, folder, seconds)
            results += measure(results)
            if not wanted or any(name.startswith("mqtt") for name in wanted):
                results += _measure_devices(addresses, world, seconds)
            fleet = Fleet(world.provision, world.token, partial(_memory, pids))
            is_whole = not options.fleet or _measure_fleet(fleet, options.fleet)
            if options.grown:
                grown = _grow(fleet, world, options.grown, results, measure)
                results += grown
    if options.json:
        options.json.write_bytes(msgspec.json.encode(results))
    return 0 if is_whole and not any(result.errors for result in results) else 1


def _measure_all(
    rows: list[Row],
    world: World,
    pids: dict[str, int],
    folder: Path,
    seconds: int,
    ceilings: list[Result],
) -> list[Result]:
    results: list[Result] = []
    for row in rows:
        results.append(_measure(row, world, pids, folder, seconds))
        _print_row(row, results[-1], [*ceilings, *results])
    return results


def _measure_devices(addresses: dict[str, str], world: World, seconds: int) -> list[Result]:
    mqtt, nats = urlsplit(addresses["mqtt"]), urlsplit(addresses["nats"])
    devices = Devices(
        host=str(mqtt.hostname),
        mqtt_port=int(mqtt.port or 0),
        nats_port=int(nats.port or 0),
        thing_id=world.thing_id,
        thing_key=world.thing_key,
        channel_id=world.channel_id,
    )
    results = measure_devices(devices, seconds)
    for result in results:
        _print_row(None, result, results)
    return results


def _measure_fleet(fleet: Fleet, count: int) -> bool:
    """Map a fleet and delete it; whether every call did what it should."""
    made = asyncio.run(fleet.make("fleet", count))
    _print_fleet("fleet made", made)
    removed = asyncio.run(fleet.remove("fleet", count))
    _print_fleet("fleet removed", removed)
    return made.errors == removed.errors == 0


def _grow(
    fleet: Fleet,
    world: World,
    gateways: int,
    before: list[Result],
    measure: Callable[[list[Result]], list[Result]],
) -> list[Result]:
    """The same rows once more on a full database, and how they compare.

    It is filled by the calls that people make, so that what is there is what would be there.
    """
    _print_fleet("grown", asyncio.run(fleet.make("grown", gateways)))
    things = json.dumps([{"name": "grown"}] * 10_000).encode()
    for _ in range(gateways * 10 // 10_000):
        call(f"{world.things}/things/bulk", things, world.token)
    sys.stdout.write("\n")
    after = measure(before)
    rates = {result.name: result.per_second for result in before}
    sys.stdout.write("\nrow               full / empty\n")
    for result in after:
        sys.stdout.write(f"{result.name:<18}{result.per_second / rates[result.name]:>8.2f}\n")
    return [msgspec.structs.replace(result, name=f"{result.name}-grown") for result in after]


def _memory(pids: dict[str, int]) -> dict[str, float]:
    return {part: resident_megabytes(pid) for part, pid in pids.items()}


def _measure(row: Row, world: World, pids: dict[str, int], folder: Path, seconds: int) -> Result:
    lua = folder / "row.lua"
    url = getattr(world, row.url)
    lua.write_text(script(row, world, f"warm-{time.monotonic_ns()}"))
    run_wrk(url, lua, seconds=1, connections=row.connections)
    lua.write_text(script(row, world, str(time.monotonic_ns())))
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    result, requests = run_wrk(url, lua, seconds=seconds, connections=row.connections)
    cpu = {
        name: round((cpu_seconds(pid) - before[name]) / max(requests, 1) * 1000, 3)
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
    call(f"{addresses['users']}/users", {"credentials": login})
    token = call(f"{addresses['users']}/users/tokens/issue", login)["access_token"]
    label = {"external_id": "bench", "external_key": "bench-key"}
    mapping = call(f"{addresses['provision']}/mapping", label, token)
    thing = mapping["things"][0]
    things = call(
        f"{addresses['things']}/things/bulk", b"[" + b",".join([b"{}"] * 100) + b"]", token
    )
    channels = call(
        f"{addresses['things']}/channels/bulk",
        b"[" + b",".join([b'{"name":"c"}'] * 10) + b"]",
        token,
    )
    return World(
        users=addresses["users"],
        things=addresses["things"],
        bootstrap=addresses["bootstrap"],
        provision=addresses["provision"],
        certs=addresses["certs"],
        http_adapter=addresses["http_adapter"],
        empty=empty,
        token=token,
        thing_id=thing["id"],
        thing_key=thing["key"],
        channel_id=mapping["channels"][0]["id"],
        external_id=label["external_id"],
        external_key=label["external_key"],
        connections=json.dumps(
            {
                "subjects": [thing["id"] for thing in things["things"]],
                "objects": [channel["id"] for channel in channels["channels"]],
            }
        ),
        # Escaped twice: for JSON, and for Lua.
        csr=_signing_request().replace("\n", "\\\\n"),
    )


def _signing_request() -> str:
    request = CertificateSigningRequestBuilder().subject_name(Name([]))
    signed = request.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def _print_head(seconds: int) -> None:
    workers = {name: os.environ.get(f"SMQ_{name.upper()}_WORKERS", "1") for name in PORTS}
    told = ", ".join(f"{name} {count}" for name, count in workers.items())
    sys.stdout.write(
        f"{CONNECTIONS} connections, {seconds} s a row, workers: {told}\n\n"
        "row               per s     p50 ms    p99 ms  errors   goal  share of ceiling"
        "      CPU ms per request\n"
    )


def _print_fleet(name: str, result: FleetResult) -> None:
    memory = " ".join(f"{part} {value:g}" for part, value in result.megabytes.items())
    sys.stdout.write(
        f"{name}: {result.calls} calls in {result.seconds:.1f} s,"
        f" {result.calls / result.seconds:.0f} per s, p99 {result.slowest * 1000:.0f} ms,"
        f" {result.errors} errors; MB at most: {memory}\n"
    )
    sys.stdout.flush()


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
