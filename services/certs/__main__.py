"""`python -m services.certs [serve|migrate]`."""

from __future__ import annotations

import sys

from services.certs.app import create_app
from services.certs.settings import CertsSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    return run_service("certs", CertsSettings, create_app)


if __name__ == "__main__":
    sys.exit(main())
