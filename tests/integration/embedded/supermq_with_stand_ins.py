"""The command `supermq` with stand-ins for the services; run as a script."""

import dataclasses
import sys
from pathlib import Path

from deploy.embedded.__main__ import main
from deploy.embedded.services import SERVICES

STAND_IN = str(Path(__file__).with_name("stand_in.py"))

specs = tuple(
    dataclasses.replace(spec, command=(sys.executable, "-S", STAND_IN, spec.name))
    for spec in SERVICES
)
sys.exit(main(specs=specs))
