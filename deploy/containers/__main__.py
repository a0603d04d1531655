"""The image's entry point: `SERVICE [serve|migrate]`."""

import runpy
import sys

from deploy.containers.health import PORTS


def main() -> None:
    """Become the service that the first argument names."""
    name, *rest = [*sys.argv[1:], ""]
    if name not in PORTS:
        sys.exit(f"supermq: the command is one of {', '.join(PORTS)}, with `migrate` or nothing")
    sys.argv = [f"supermq-{name}", *filter(None, rest)]
    runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
