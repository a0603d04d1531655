"""`python -m services.provision [serve|migrate]`."""

from __future__ import annotations

import sys

from services.provision.app import configure, create_app
from services.provision.settings import ProvisionSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    return run_service(
        "provision",
        ProvisionSettings,
        create_app,
        refine=lambda settings: configure(settings).settings,
    )


if __name__ == "__main__":
    sys.exit(main())
