"""What is measured: the embedded platform on fresh data, and a handler that does nothing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from asyncio import Event, get_running_loop
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from bench.load import LoadError
from deploy.embedded.ports import free_port
from deploy.embedded.services import SERVICES

PORTS = {spec.name: spec.port_variable for spec in SERVICES}
_SERVER_PORTS = (
    "SMQ_EMBEDDED_POSTGRES_PORT",
    "SMQ_EMBEDDED_REDIS_PORT",
    "SMQ_EMBEDDED_NATS_PORT",
    "SMQ_EMBEDDED_MQTT_PORT",
    "SMQ_EMBEDDED_MQTT_WEBSOCKET_PORT",
)


def call(url: str, body: dict[str, Any] | bytes, token: str = "") -> Any:
    """Make one call and read its JSON; raises `urllib.error.HTTPError` if it is refused."""
    headers = {"Content-Type": "application/json"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data, headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


@contextlib.contextmanager
def running_platform(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, int]]]:
    """`supermq up` on fresh data: addresses and process ids by part."""
    ports = {variable: str(free_port()) for variable in (*PORTS.values(), *_SERVER_PORTS)}
    data = folder / "data"
    supermq = [sys.executable, "-m", "deploy.embedded"]
    process = subprocess.Popen(  # noqa: S603
        [*supermq, "up", "--data", str(data)],
        env=os.environ | ports,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it is piped
        if not any(line.startswith("ready") for line in process.stdout):
            raise LoadError("the platform did not start")
        shown = subprocess.run(  # noqa: S603
            [*supermq, "status", "--json", "--data", str(data)],
            capture_output=True,
            check=False,
        )
        pids = {part["name"]: part["pid"] for part in json.loads(shown.stdout)["parts"]}
        password = (data / "secrets/postgres-password").read_text()
        port = ports["SMQ_EMBEDDED_POSTGRES_PORT"]
        (data / "secrets/bench-url").write_text(f"postgresql://supermq:{password}@127.0.0.1:{port}")
        addresses = {name: f"http://127.0.0.1:{ports[v]}" for name, v in PORTS.items()}
        addresses["mqtt"] = f"mqtt://127.0.0.1:{ports['SMQ_EMBEDDED_MQTT_PORT']}"
        addresses["nats"] = f"nats://127.0.0.1:{ports['SMQ_EMBEDDED_NATS_PORT']}"
        yield addresses, pids
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def empty_service() -> Iterator[str]:
    """An aiohttp handler that does nothing: what the framework alone costs."""
    port = free_port()
    started = threading.Event()
    stop: list[Any] = []

    async def serve() -> None:
        async def answer(request: web.Request) -> web.Response:
            await request.read()
            return web.Response(body=b"{}", content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        end = Event()
        stop.append((get_running_loop(), end))
        started.set()
        await end.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop, end = stop[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()
