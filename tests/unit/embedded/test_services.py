"""The table of services and what it makes of the environment."""

from pathlib import Path

import pytest

from deploy.embedded.services import (
    SERVICES,
    Service,
    ServiceSpec,
    common_defaults,
    own_defaults,
    service_url,
)
from deploy.embedded.settings import Settings


def test_the_table_has_the_usual_ports() -> None:
    assert {spec.name: spec.port for spec in SERVICES} == {
        "users": 9002,
        "things": 9000,
        "bootstrap": 9013,
        "certs": 9019,
        "provision": 9016,
        "http_adapter": 8008,
        "mqtt_auth": 8009,
    }


def test_a_row_is_enough_for_a_service() -> None:
    assert common_defaults((ServiceSpec("http_adapter", 8008),), Settings({})) == {
        "PYTHONUNBUFFERED": "1",
        "SMQ_HTTP_ADAPTER_HTTP_PORT": "8008",
        "SMQ_HTTP_ADAPTER_HTTP_HOST": "127.0.0.1",
        "SMQ_HTTP_ADAPTER_URL": "http://127.0.0.1:8008",
    }


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("192.0.2.1", "http://192.0.2.1:80"),
    ],
)
def test_a_service_is_found_where_it_listens(host: str, url: str) -> None:
    assert service_url(host, 80) == url


def test_people_are_told_localhost() -> None:
    spec = ServiceSpec("things", 9000)
    settings = Settings({"SMQ_THINGS_HTTP_PORT": "1234"})

    service = Service(spec, settings, {}, Path("log"))

    assert service.public_url == "http://localhost:1234"
    assert service.check_url == "http://127.0.0.1:1234/ready"


def test_a_file_is_named_only_if_it_exists(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    spec = ServiceSpec(
        "x", 1, defaults={"A": "a"}, files={"THERE": there, "GONE": tmp_path / "gone"}
    )

    assert own_defaults(spec, {"S": "s"}) == {"A": "a", "S": "s", "THERE": str(there)}
