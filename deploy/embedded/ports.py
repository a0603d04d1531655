"""Ports: finding free ones, and seeing that the wanted ones are free before anything starts."""

import errno
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.embedded.errors import PortTaken

LOOPBACK = "127.0.0.1"

_NEVER_GIVEN_OUT = (16384, 32768)  # ip_local_port_range begins here on Linux, later elsewhere
_CHOICE = random.SystemRandom()

_handed_out: set[int] = set()


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port that a part will listen on, and the variable with which it can be changed."""

    part: str
    port: int
    variable: str
    host: str = LOOPBACK


def free_port() -> int:
    """A port on loopback that nobody listens on, and that this process was not given before.

    It is below those that the kernel gives to outgoing connections, one of which could take it
    before, or between two starts of, whoever it is for.
    """
    while True:
        port = _CHOICE.randrange(*_NEVER_GIVEN_OUT)
        if port not in _handed_out and not is_taken(port):
            _handed_out.add(port)
            return port


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens on a port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do it: the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Binding alone succeeds beside another socket that is bound but listens only later.
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return False


def check_ports(wanted: Iterable[WantedPort]) -> None:
    """See that every wanted port is free and wanted once.

    Raises:
        PortTaken: Naming all that are not, and the variables that move them.
    """
    parts_by_port: dict[int, WantedPort] = {}
    for want in wanted:
        if (other := parts_by_port.get(want.port)) is not None:
            raise PortTaken(
                f"port {want.port} is wanted by both {other.part} and {want.part}; "
                f"set {want.variable} to another one"
            )
        parts_by_port[want.port] = want
    taken = [want for want in parts_by_port.values() if is_taken(want.port, want.host)]
    if taken:
        names = ", ".join(f"{want.port} ({want.part}, {want.variable})" for want in taken)
        plural = "s" if len(taken) > 1 else ""
        verb = "are" if len(taken) > 1 else "is"
        raise PortTaken(
            f"port{plural} {names} {verb} already taken; stop what listens there or set "
            f"the variable to another port"
        )
