"""`python -m services.things [serve|migrate|reseal]`."""

import sys

from services.things.app import create_app
from services.things.repository.secrets import SEALED
from services.things.settings import ThingsSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the service; answers the exit code."""
    return run_service("things", ThingsSettings, create_app, sealed=SEALED)


if __name__ == "__main__":
    sys.exit(main())
