"""What a full database costs: every row again with many mappings and things in place.

A machine that others use too is not as fast now as it was a few minutes ago. So the ceilings are
measured again beside the rows, and rates are compared after taking out how much the ceiling
changed; CPU per request depends much less on who else is there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from bench.database import Database
from bench.fleet import Fleet, print_fleet
from bench.load import Result
from bench.platform import call
from bench.processes import Parts
from bench.rows import Row
from bench.seeding import THING, World
from bench.table import say

THINGS_PER_GATEWAY = 10
_BULK = 10_000
_REST_SECONDS = 120.0
_PLAIN = Row(name="", url="", path="", ceiling="empty-get")
_DEVICES = Row(name="", url="", path="", ceiling="nats-message")


class Change(Struct, frozen=True, kw_only=True):
    """One row on an empty and on a full database.

    Attributes:
        ceiling: What the machine could do beside the full one, as a share of beside the empty one.
        bound: The least that `ratio` may be, 0 without a bound.
    """

    empty: Result
    full: Result
    ceiling: float
    bound: float

    def ratio(self) -> float:
        """Rate on the full database as a share of that on the empty one, on the same machine."""
        expected = self.empty.per_second * self.ceiling
        return self.full.per_second / expected if expected else 0.0

    def cpu_ratio(self) -> float:
        """How many times more CPU a request takes on the full database, 0 if it is not known."""
        before = self.empty.cpu_sum()
        return self.full.cpu_sum() / before if before else 0.0

    def is_below(self) -> bool:
        """Whether the row lost more of its rate than it may."""
        return self.ratio() < self.bound

    def is_dearer(self) -> bool:
        """Whether a request takes more CPU than the bound allows, however fast it was served."""
        return self.cpu_ratio() * self.bound > 1


def fill(
    fleet: Fleet, world: World, gateways: int, database: Database, parts: Parts
) -> tuple[World, list[Result]]:
    """Map gateways and make ten things for each, and let the platform come to rest.

    It is filled by the calls that people make, so that what is there is what would be there.

    Returns:
        The world with a page deep in its list of things, and how filling went.
    """
    made = asyncio.run(fleet.make("grown", gateways))
    print_fleet(made)
    begin, left = time.monotonic(), gateways * THINGS_PER_GATEWAY
    while left > 0:
        count = min(left, _BULK)
        call(
            f"{world.things}/things/bulk",
            json.dumps([THING] * count).encode(),
            world.token,
        )
        left -= count
    say(f"grown-things: {gateways * THINGS_PER_GATEWAY} in {time.monotonic() - begin:.1f} s")
    parts.wait_until_quiet(_REST_SECONDS)
    database.come_to_rest()
    parts.wait_until_quiet(_REST_SECONDS)
    deep_offset = str(gateways * (THINGS_PER_GATEWAY - 1))
    return msgspec.structs.replace(world, deep_offset=deep_offset), [made.figures]


def compare(rows: Sequence[Row], empty: list[Result], full: list[Result]) -> list[Change]:
    """The same rows of two passes, each with its own ceilings among them."""
    known = {row.name: row for row in rows}
    before = {result.name: result for result in empty}
    after = {result.name: result for result in full}
    ceilings = {row.ceiling for row in rows} | {_PLAIN.ceiling, _DEVICES.ceiling}
    changes: list[Change] = []
    for name in before.keys() & after.keys():
        row = known.get(name, _DEVICES if name.startswith("mqtt") else _PLAIN)
        ceiling = row.ceiling or _PLAIN.ceiling
        is_bounded = name not in ceilings
        change = 1.0
        if is_bounded and ceiling in after and ceiling in before:
            change = after[ceiling].per_second / before[ceiling].per_second
        changes.append(
            Change(
                empty=before[name],
                full=after[name],
                ceiling=change,
                bound=1 / row.growth if is_bounded else 0.0,
            )
        )
    order = [result.name for result in full]
    return sorted(changes, key=lambda change: order.index(change.full.name))


def print_growth(changes: list[Change]) -> None:
    """A line for each row, and which of them lost more than they may."""
    say(
        "\nfull / empty      per s: empty    full   ceiling   ratio  bound"
        "   CPU ms: empty    full   ratio"
    )
    for change in changes:
        bound = f"{change.bound:>7.2f}" if change.bound else " " * 7
        cpu = ""
        if change.cpu_ratio():
            cpu = (
                f"{change.empty.cpu_sum():>16.3f}{change.full.cpu_sum():>8.3f}"
                f"{change.cpu_ratio():>8.2f}"
            )
        marks = ("  below" if change.is_below() else "") + ("  CPU" if change.is_dearer() else "")
        say(
            f"{change.full.name:<18}{change.empty.per_second:>12.0f}{change.full.per_second:>8.0f}"
            f"{change.ceiling:>10.2f}{change.ratio():>8.2f}{bound}{cpu:<32}"
            f"{marks}".rstrip()
        )
    below = [change.full.name for change in changes if change.is_below()]
    dearer = [change.full.name for change in changes if change.is_dearer()]
    say(f"below the bound: {', '.join(below) or 'none'}")
    say(f"more CPU per request than the bound allows: {', '.join(dearer) or 'none'}")
