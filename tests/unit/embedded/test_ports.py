"""Seeing before the start that ports are free."""

import socket

import pytest

from deploy.embedded.errors import PortTaken
from deploy.embedded.ports import LOOPBACK, WantedPort, check_ports, free_port, is_taken


def test_free_ports_are_free_and_different() -> None:
    ports = {free_port() for _ in range(50)}

    assert len(ports) == 50


def test_all_taken_ports_are_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as one, socket.create_server((LOOPBACK, 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        assert is_taken(first)

        with pytest.raises(PortTaken) as raised:
            check_ports([WantedPort("a", first, "A_PORT"), WantedPort("b", second, "B_PORT")])

    assert f"ports {first} (a, A_PORT), {second} (b, B_PORT) are already taken" in str(raised.value)


def test_two_parts_cannot_have_the_same_port() -> None:
    with pytest.raises(PortTaken, match="wanted by both a and b; set B to another"):
        check_ports([WantedPort("a", 1234, "A"), WantedPort("b", 1234, "B")])


def test_an_address_that_is_not_here_is_reported() -> None:
    with pytest.raises(PortTaken, match=r"cannot listen on 192\.0\.2\.1:1234"):
        is_taken(1234, "192.0.2.1")
