"""`supermq-provision lint` as a program of its own: this client imports no service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from cli.choices import chosen
from cli.codes import OK, REFUSED, USAGE

_CODES = {0: OK, 1: REFUSED}


def lint_files(files: Sequence[str], *, strict: bool, is_layout: bool) -> int:
    """Check files; answers the exit code: 3 for faulty ones, 2 for unreadable ones."""
    arguments = [sys.executable, "-m", "services.provision", "lint"]
    arguments += ["--strict"] if strict else []
    arguments += ["--layout"] if is_layout else []
    arguments += ["--output", "json"] if chosen().output in {"json", "ndjson"} else []
    sys.stdout.flush()
    done = subprocess.run([*arguments, "--", *files], check=False)  # noqa: S603 - our own program
    return _CODES.get(done.returncode, USAGE)
