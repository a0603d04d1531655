"""`make bench`: the embedded platform on fresh data, every row, one table.

`ROWS=mapping,identify` picks rows (`login-storm` and `mqtt` among them, `none` for no row at all),
`SECONDS=10` sets how long each is measured after a second of warming up, `--json FILE` keeps the
figures for `bench/compare.py`. Absolute figures belong to the machine; compare shares of the
ceilings, which are taken in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.ceilings import measure_ceilings
from bench.database import Database
from bench.fleet import Fleet, print_fleet
from bench.growth import compare, fill, print_growth
from bench.load import Result
from bench.measuring import Measuring
from bench.mqtt import DEVICE_ROWS, Devices, measure_devices
from bench.platform import empty_service, running_platform
from bench.processes import Parts
from bench.rows import CONNECTIONS, ROWS, Row
from bench.seeding import World, seed
from bench.soak import Soak
from bench.storm import STORM, measure_storm
from bench.table import print_head, print_row

_CEILINGS = ("bcrypt", "pgbench")  # always measured


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
    parser.add_argument(
        "--soak",
        type=float,
        default=0,
        metavar="MINUTES",
        help="also load the platform for so long, and tell how its memory went",
    )
    options = parser.parse_args()
    wanted = {name for name in os.environ.get("ROWS", "").split(",") if name}
    everything = {row.name for row in ROWS} | DEVICE_ROWS.keys() | {STORM, "mqtt", "none"}
    if unknown := wanted - everything - set(_CEILINGS):
        parser.error(f"ROWS names no row of the bench: {', '.join(sorted(unknown))}")
    results = _run(options, wanted or everything - {"none"}, int(os.environ.get("SECONDS", "10")))
    if options.json:
        options.json.write_bytes(msgspec.json.encode(results))
    return 1 if any(result.errors for result in results) else 0


def _run(options: argparse.Namespace, wanted: set[str], seconds: int) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="supermq-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with running_platform(folder) as (addresses, pids), empty_service() as empty:
            world, parts, database = seed(addresses, empty), Parts(pids), Database(folder)
            measuring = Measuring(world=world, parts=parts, folder=folder, seconds=seconds)
            print_head(CONNECTIONS, seconds)
            results = _measure(measuring, database, addresses, _picked(wanted, is_grown=False))
            on_empty = list(results)
            if STORM in wanted:
                results += measure_storm(measuring)
            fleet = Fleet(world.provision, world.token, parts)
            if options.fleet:
                results += _measure_fleet(fleet, options.fleet)
            if options.soak:
                results.append(asyncio.run(Soak(world, parts).run(options.soak)))
            if options.grown:
                world, filled = fill(fleet, world, options.grown, database, parts)
                measuring = msgspec.structs.replace(measuring, world=world)
                on_full = _measure(measuring, database, addresses, _picked(wanted, is_grown=True))
                print_growth(compare(ROWS, on_empty, on_full))
                results += filled
                results += [
                    msgspec.structs.replace(each, name=f"{each.name}-grown") for each in on_full
                ]
            return results


def _picked(wanted: set[str], *, is_grown: bool) -> tuple[list[Row], bool]:
    """The rows to measure, with those that bound them, and whether devices are measured too."""
    rows = [row for row in ROWS if row.name in wanted and (is_grown or not row.is_for_grown)]
    ceilings = {row.ceiling for row in rows}
    picked = [row for row in ROWS if row in rows or row.name in ceilings]
    return picked, bool(wanted & ({"mqtt"} | DEVICE_ROWS.keys()))


def _measure(
    measuring: Measuring,
    database: Database,
    addresses: dict[str, str],
    picked: tuple[list[Row], bool],
) -> list[Result]:
    """Ceilings, rows and devices, each shown as soon as it is known."""
    results: list[Result] = []

    def show(row: Row | None, result: Result) -> None:
        results.append(result)
        print_row(row, result, results)

    for result in measure_ceilings(database, measuring.parts, measuring.seconds):
        show(None, result)
    rows, has_devices = picked
    for row in rows:
        show(row, measuring.measure(row))
    if has_devices:
        devices = _devices(addresses, measuring.world)
        for result in measure_devices(devices, measuring.parts, measuring.seconds):
            show(None, result)
    return results


def _devices(addresses: dict[str, str], world: World) -> Devices:
    mqtt, nats = urlsplit(addresses["mqtt"]), urlsplit(addresses["nats"])
    return Devices(
        host=str(mqtt.hostname),
        mqtt_port=int(mqtt.port or 0),
        nats_port=int(nats.port or 0),
        thing_id=world.thing_id,
        thing_key=world.thing_key,
        channel_id=world.channel_id,
    )


def _measure_fleet(fleet: Fleet, count: int) -> list[Result]:
    """Map a fleet and delete it."""
    results: list[Result] = []
    for work in (fleet.make, fleet.remove):
        done = asyncio.run(work("fleet", count))
        print_fleet(done)
        results.append(done.figures)
    return results


if __name__ == "__main__":
    sys.exit(main())
