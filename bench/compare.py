"""`python -m bench.compare A.json B.json`: the same rows of two runs side by side."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from bench.load import Result


def main() -> int:
    """Print the table; 2 without two files."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m bench.compare A.json B.json\n")
        return 2
    before, after = (
        {row.name: row for row in msgspec.json.decode(Path(name).read_bytes(), type=list[Result])}
        for name in sys.argv[1:]
    )
    sys.stdout.write(
        "row                 before/s   after/s   ratio   p99 before   p99 after"
        "   CPU ms before     after   ratio\n"
    )
    for name, old in before.items():
        if new := after.get(name):
            sys.stdout.write(f"{line(old, new)}\n")
    return 0


def line(old: Result, new: Result) -> str:
    """One row; its CPU only if both runs know it."""
    text = (
        f"{old.name:<18}{old.per_second:>10.0f}{new.per_second:>10.0f}"
        f"{_ratio(new.per_second, old.per_second)}{old.p99:>13.2f}{new.p99:>12.2f}"
    )
    cpu_before, cpu_after = old.cpu_sum(), new.cpu_sum()
    if cpu_before and cpu_after:
        text += f"{cpu_before:>16.3f}{cpu_after:>10.3f}{_ratio(cpu_after, cpu_before)}"
    return text


def _ratio(new: float, old: float) -> str:
    return f"{new / old:>8.2f}" if old else f"{'-':>8}"


if __name__ == "__main__":
    sys.exit(main())
