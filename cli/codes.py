"""Exit codes, as docs/cli.md tells them."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
NOT_FOUND = 4
CONFLICT = 5
UNREACHABLE = 6
INCOMPLETE = 7
INTERRUPTED = 130
