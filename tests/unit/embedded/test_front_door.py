"""What the front door is told, and what it makes of it."""

from pathlib import Path

import pytest

from deploy.embedded.errors import InvalidSetting
from deploy.embedded.front_door import FrontDoor, placeholders_from
from deploy.embedded.settings import Settings


def front_door(folder: Path, names: tuple[str, ...] = ()) -> FrontDoor:
    return FrontDoor(
        folder=folder / "nginx",
        certificates=folder / "tls",
        log=folder / "nginx.log",
        https_port=8443,
        mqtts_port=8883,
        values=placeholders_from(Settings({})),
        names=names,
    )


def test_services_are_found_where_the_operator_put_them() -> None:
    values = placeholders_from(
        Settings({"SMQ_THINGS_HTTP_PORT": "1234", "SMQ_USERS_HTTP_HOST": "192.0.2.1"})
    )

    assert values["NGINX_THINGS"] == "127.0.0.1:1234"
    assert values["NGINX_USERS"] == "192.0.2.1:9002"
    assert values["NGINX_CERTS"] == "127.0.0.1:9019"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SMQ_NGINX_RATE", "fast"),
        ("SMQ_NGINX_RATE", "0r/s"),
        ("SMQ_NGINX_PASSWORD_RATE", "5"),
        ("SMQ_NGINX_PASSWORD_RATE", "5r/s; evil"),
        ("SMQ_NGINX_BALANCER", "nowhere"),
        ("SMQ_NGINX_HSTS", 'a"; evil'),
        ("SMQ_EMBEDDED_MQTT_PORT", "many"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{variable}="):
        placeholders_from(Settings({variable: value}))


async def test_every_name_of_the_templates_is_filled_in(tmp_path: Path) -> None:
    await front_door(tmp_path).prepare()

    texts = {path.name: path.read_text() for path in (tmp_path / "nginx").glob("*.conf")}
    assert "listen 127.0.0.1:8443 ssl" in texts["nginx.conf"]
    assert [name for name, text in texts.items() if "${" in text] == []


async def test_a_name_that_no_certificate_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="SMQ_TLS_NAMES"):
        await front_door(tmp_path, ("ö.example",)).prepare()
