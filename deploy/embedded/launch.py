"""Become another program that ends together with the supervisor.

Run as `python -I -S launch.py PARENT SIGNAL UID GID -- PROGRAM ARGUMENT...`; UID and GID are `-`
to stay who we are. A program of its own instead of a `preexec_fn`, which is not safe in a process
with threads. It replaces itself, so the process id and the command line are the program's.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Drop the rights, tie the life to the parent's, raise the file limit, run the program."""
    parent, death_signal, uid, gid, _, *command = arguments
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            os.kill(os.getpid(), signal.SIGKILL)
    # macOS reports an unlimited hard limit that it does not accept as a soft one.
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        os.execv(command[0], command)  # noqa: S606 - this is what it is for
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
