"""`python -m cli`, installed as `supermq-cli`."""

from __future__ import annotations

import sys

from cli.title import hide_arguments


def main() -> int:
    """Run the command; answers the exit code."""
    hide_arguments(sys.argv[1:])

    from cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
