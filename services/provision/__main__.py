"""`python -m services.provision [serve|migrate|reseal|lint]`."""

from __future__ import annotations

import sys

from services.provision.app import configure, create_app
from services.provision.layout.lint import lint
from services.provision.repository.sealed import SEALED
from services.provision.settings import ProvisionSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the command; answers the exit code."""
    if sys.argv[1:2] == ["lint"]:
        return lint(sys.argv[2:], sys.stdout)
    return run_service(
        "provision",
        ProvisionSettings,
        create_app,
        refine=lambda settings: configure(settings).settings,
        sealed=SEALED,
    )


if __name__ == "__main__":
    sys.exit(main())
