"""`python bench/compare.py A.json B.json`: the same rows of two runs side by side."""

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
    sys.stdout.write("row               before/s   after/s   ratio   p99 before   p99 after\n")
    for name, old in before.items():
        if new := after.get(name):
            sys.stdout.write(
                f"{name:<16}{old.per_second:>10.0f}{new.per_second:>10.0f}"
                f"{new.per_second / old.per_second:>8.2f}{old.p99:>13.2f}{new.p99:>12.2f}\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
