"""What other users of the machine see of this process."""

from __future__ import annotations

from collections.abc import Sequence

from setproctitle import setproctitle

from cli.names import COMMANDS, PROGRAM


def hide_arguments(arguments: Sequence[str]) -> None:
    """Take everything but the group of commands out of the process title.

    Passwords, tokens and keys may stand anywhere among the arguments; from now on `ps` shows none
    of them.
    """
    group = next((word for word in arguments[:1] if word in COMMANDS), "")
    setproctitle(" ".join(word for word in (PROGRAM, group, "…" if arguments else "") if word))
