"""How a row is measured: warmed up, and on a platform that has come to rest."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.load import Result, run_wrk
from bench.processes import Parts, cpu_per_request
from bench.rows import Row, script
from bench.seeding import World

_WARM_UP_SECONDS = 1


class Measuring(Struct, frozen=True, kw_only=True):
    """What measuring a row needs.

    Attributes:
        folder: Where scripts may be written.
        seconds: How long each row is measured after it has warmed up.
    """

    world: World
    parts: Parts
    folder: Path
    seconds: int

    def measure(self, row: Row, *, is_alone: bool = True) -> Result:
        """Call as the row says.

        Args:
            is_alone: Whether nothing else goes on: then the platform comes to rest first, and all
                its CPU belongs to the row.
        """
        self.call(row, _WARM_UP_SECONDS)
        if is_alone:
            self.parts.wait_until_quiet()
        before = self._cpu_seconds(row)
        result, requests = self.call(row, self.seconds)
        after = self._cpu_seconds(row)
        cpu = cpu_per_request(before, after, requests) if is_alone else {}
        return msgspec.structs.replace(result, name=row.name, cpu=cpu)

    def _cpu_seconds(self, row: Row) -> dict[str, float]:
        """Of the platform, or of the handler that does nothing: it runs in this process."""
        return {"empty": time.process_time()} if row.url == "empty" else self.parts.cpu_seconds()

    def call(self, row: Row, seconds: int) -> tuple[Result, int]:
        """Only call, and tell the result and the number of requests."""
        lua = self.folder / f"{row.name}.lua"
        lua.write_text(script(row, self.world, str(time.monotonic_ns())))
        return run_wrk(
            getattr(self.world, row.url), lua, seconds=seconds, connections=row.connections
        )
