"""`python -m services.users [serve|migrate|reseal|rotate-signing-key]`."""

from __future__ import annotations

import sys

from services.users.app import create_app
from services.users.rotation import rotate
from services.users.settings import UsersSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    if sys.argv[1:2] == ["rotate-signing-key"]:
        return rotate(sys.argv[2:], sys.stdout, sys.stderr)
    return run_service("users", UsersSettings, create_app)


if __name__ == "__main__":
    sys.exit(main())
