"""`python -m services.http_adapter`."""

from __future__ import annotations

import sys

from services.http_adapter.app import create_app
from services.http_adapter.settings import HttpAdapterSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the service."""
    return run_service("http_adapter", HttpAdapterSettings, create_app, has_database=False)


if __name__ == "__main__":
    sys.exit(main())
