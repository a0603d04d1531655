"""`supermq up --tls`, with stand-ins for the services."""

import json
import socket
import ssl
import urllib.request

from tests.integration.embedded.supermq import Supermq, wait_until_gone


def ask(supermq: Supermq, path: str) -> tuple[int, bytes]:
    """Ask through the front door, trusting the authority of the data folder alone."""
    context = ssl.create_default_context(cafile=supermq.data / "tls" / "ca.crt")
    url = f"https://localhost:{supermq.ports['https']}{path}"
    with urllib.request.urlopen(url, timeout=20, context=context) as response:
        return response.status, response.read()


def test_the_front_door_is_one_more_part_that_starts_last_and_stops_first(
    supermq: Supermq,
) -> None:
    process = supermq.up_and_ready(tls=True)
    nginx = supermq.children()["nginx"]
    url = f"https://localhost:{supermq.ports['https']}"

    assert ["nginx", url] in [line.split() for line in supermq.lines]
    assert supermq.lines[-2].endswith(f"for clients to trust: {supermq.data}/tls/ca.crt")
    assert ask(supermq, "/health/things")[0] == 200
    assert json.loads(ask(supermq, "/health")[1])["description"] == "nginx service"
    assert supermq.get("users", "/environment")["SMQ_TRUSTED_PROXIES"] == "127.0.0.1"
    parts = {part["name"]: part for part in supermq.status()["parts"]}
    assert (parts["nginx"]["ready"], parts["nginx"]["pid"]) == (True, nginx.pid)

    supermq.stop(process)

    wait_until_gone(nginx)


def test_it_ends_with_a_supervisor_that_is_killed(supermq: Supermq) -> None:
    process = supermq.up_and_ready(tls=True)
    nginx = supermq.children()["nginx"]

    process.kill()
    process.wait()

    wait_until_gone(nginx)


def test_what_cannot_work_is_said_before_anything_begins(supermq: Supermq) -> None:
    with socket.create_server(("127.0.0.1", supermq.ports["https"])):
        assert "(nginx, HTTPS, SMQ_EMBEDDED_HTTPS_PORT) is already taken" in supermq.failing_up(
            tls=True
        )
    assert "SMQ_NGINX_RATE=fast is not a rate" in supermq.failing_up(
        {"SMQ_NGINX_RATE": "fast"}, tls=True
    )
    assert not (supermq.data / "postgres").exists()
