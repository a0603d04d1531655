"""`python -m services.users [serve|migrate]`."""

from __future__ import annotations

import sys

from services.users.app import create_app
from services.users.settings import UsersSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    return run_service("users", UsersSettings, create_app)


if __name__ == "__main__":
    sys.exit(main())
