"""The image's health check and entry point."""

import sys

import pytest

from deploy.containers import __main__ as entry
from deploy.containers import health
from deploy.embedded.front_door import USUAL_PORTS
from docs.generate import SERVICES
from shared.settings import load_settings


def test_the_table_has_the_ports_that_services_have_by_default() -> None:
    defaults = {
        service: load_settings(kind, service=service, environment={}).http_port
        for service, kind, _ in SERVICES
    }

    assert defaults.items() <= health.PORTS.items()
    assert USUAL_PORTS.items() <= health.PORTS.items()


@pytest.mark.parametrize(
    ("command_line", "service"),
    [
        (b"/sbin/docker-init\0--\0python\0-m\0deploy.containers\0things\0", "things"),
        (b"python\0-m\0deploy.containers\0http_adapter\0serve\0", "http_adapter"),
        (b"python -m deploy.containers users", "users"),
        (b"sleep\0100\0", None),
    ],
)
def test_the_service_is_known_by_the_first_process(command_line: bytes, service: str) -> None:
    assert health.service_of(command_line) == service


def test_the_port_is_the_one_the_service_was_given() -> None:
    assert health.port_of("things", {}) == 9000
    assert health.port_of("things", {"MF_THINGS_HTTP_PORT": "1", "SMQ_USERS_HTTP_PORT": "2"}) == 1
    assert health.port_of("things", {"MF_THINGS_HTTP_PORT": "1", "SMQ_THINGS_HTTP_PORT": "3"}) == 3


@pytest.mark.parametrize("words", [[], ["nobody"], ["--help"]])
def test_a_command_that_is_no_service_is_told_which_there_are(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", *words])

    with pytest.raises(SystemExit, match="one of users, things, bootstrap"):
        entry.main()
