"""`python -m services.bootstrap [serve|migrate|reseal]`."""

from __future__ import annotations

import sys

from services.bootstrap.app import create_app
from services.bootstrap.repository.rows import SEALED
from services.bootstrap.settings import BootstrapSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    return run_service("bootstrap", BootstrapSettings, create_app, sealed=SEALED)


if __name__ == "__main__":
    sys.exit(main())
