"""The embedded broker for devices: where it listens, who is told what, and one's own instead."""

import socket
from pathlib import Path

from deploy.embedded.ports import LOOPBACK
from deploy.embedded.servers import NatsServer
from tests.integration.embedded.supermq import Supermq


def test_services_are_told_of_the_broker_what_they_need_and_no_more(supermq: Supermq) -> None:
    supermq.up_and_ready()

    adapter, auth, things = (
        supermq.get(name, "/environment") for name in ("http_adapter", "mqtt_auth", "things")
    )

    text = "\n".join(supermq.lines)
    assert f"mqtt://localhost:{supermq.ports['mqtt']}\n" in text
    assert f"ws://localhost:{supermq.ports['mqtt_websocket']}/mqtt\n" in text
    assert adapter["SMQ_HTTP_ADAPTER_NATS_URL"].startswith("nats://devices:")
    assert auth["SMQ_MQTT_AUTH_SYSTEM_NATS_URL"].startswith("nats://system:")
    assert auth["SMQ_MQTT_AUTH_ISSUER_SEED"].startswith("SA")
    assert "SMQ_HTTP_ADAPTER_NATS_URL" not in things
    assert "SMQ_MQTT_AUTH_ISSUER_SEED" not in things
    for name in ("nats-devices-password", "nats-system-password", "nats-issuer-seed"):
        assert (supermq.data / "secrets" / name).stat().st_mode & 0o777 == 0o600


def test_a_taken_port_of_the_devices_is_reported(supermq: Supermq) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, supermq.ports["mqtt"]))
        other.listen(1)

        line = supermq.failing_up()

    assert f"{supermq.ports['mqtt']} (nats, mqtt, SMQ_EMBEDDED_MQTT_PORT)" in line


async def test_with_a_broker_of_ones_own_devices_need_its_keys(
    supermq: Supermq, tmp_path: Path
) -> None:
    async with NatsServer(tmp_path / "own") as own:
        process = supermq.up_and_ready({"SMQ_NATS_URL": own.url})
        text = "\n".join(supermq.lines)
        adapter = supermq.get("http_adapter", "/environment")
        supermq.stop(process)

        supermq.up_and_ready(
            {
                "SMQ_NATS_URL": own.url,
                "SMQ_MQTT_AUTH_SYSTEM_NATS_URL": own.system_url,
                "SMQ_MQTT_AUTH_ISSUER_SEED": own.issuer_seed,
            }
        )
        auth = supermq.get("mqtt_auth", "/environment")

    assert "mqtt_auth    off, so no MQTT: the broker is not ours and SMQ_MQTT_AUTH_SYSTEM" in text
    assert "SMQ_MQTT_AUTH_ISSUER_SEED not set" in text
    assert adapter["SMQ_NATS_URL"] == own.url
    assert "SMQ_HTTP_ADAPTER_NATS_URL" not in adapter
    assert auth["SMQ_MQTT_AUTH_ISSUER_SEED"] == own.issuer_seed
