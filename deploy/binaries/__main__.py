"""Which command the file is asked for: the one it is called by."""

import os
import sys
from importlib.metadata import distribution
from pathlib import Path


def main() -> int:
    """Run the command of that name; answers its exit code."""
    asked = Path(os.environ.get("PEX") or sys.argv[0]).name.removesuffix(".pex")
    scripts = distribution("supermq-provisioning").entry_points.select(group="console_scripts")
    commands = {script.name: script for script in scripts}
    if asked not in commands:
        names = ", ".join(sorted(commands))
        sys.stderr.write(f"{asked}: name this file after the command to run: {names}\n")
        return 2
    sys.argv[0] = asked
    code: int = commands[asked].load()()
    return code


if __name__ == "__main__":
    sys.exit(main())
