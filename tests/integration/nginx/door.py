"""The real nginx with the product's configuration, before stand-ins that tell what reaches them."""

import asyncio
import contextlib
import http.client
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.embedded.front_door import USUAL_PORTS, FrontDoor, placeholders_from
from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.settings import Settings

ABSENT = "certs"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Door:
    """A running front door."""

    port: int
    mqtts_port: int
    authority: Path

    def context(self) -> ssl.SSLContext:
        """What a client trusts: the authority and nobody else."""
        return ssl.create_default_context(cafile=self.authority)

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request of its own connection, with the path exactly as given."""
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, path, method, headers, body)

    def connect(self) -> http.client.HTTPSConnection:
        """A connection for several requests."""
        return http.client.HTTPSConnection(
            "localhost", self.port, context=self.context(), timeout=20
        )


def ask(
    connection: http.client.HTTPSConnection,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send a request and read the answer."""
    connection.request(method, path, body=body, headers=dict(headers or {}))
    response = connection.getresponse()
    text = response.read()
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, found, json.loads(text) if text else None)


@contextlib.contextmanager
def running_door(variables: Mapping[str, str] | None = None) -> Iterator[Door]:
    """Start stand-ins for all services but one, and nginx before them.

    Args:
        variables: What the operator sets, by names without `SMQ_`.
    """
    with tempfile.TemporaryDirectory(prefix="supermq-nginx-") as name:
        folder = Path(name)
        ports = {service: free_port() for service in (*USUAL_PORTS, "mqtt", "mqtt_websocket")}
        environment = {
            f"SMQ_EMBEDDED_{part.upper()}_PORT"
            if part.startswith("mqtt")
            else f"SMQ_{part.upper()}_HTTP_PORT": str(port)
            for part, port in ports.items()
        } | {f"SMQ_{name}": text for name, text in (variables or {}).items()}
        door = FrontDoor(
            folder=folder / "nginx",
            certificates=folder / "tls",
            log=folder / "nginx.log",
            https_port=free_port(),
            mqtts_port=free_port(),
            values=placeholders_from(Settings(environment)),
        )
        with _in_a_thread_of_its_own() as runner:
            stand_ins = StandIns(ports)
            runner(stand_ins.start())
            try:
                runner(door.start())
                yield Door(door.https_port, door.mqtts_port, door.authority)
            finally:
                runner(door.stop())
                runner(stand_ins.stop())


class StandIns:
    """A server on each port that tells which service it stands for and what it was asked."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = dict(ports)
        self._names = {port: name for name, port in ports.items()}
        self._runner: web.AppRunner | None = None
        self._broker: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen everywhere but where the absent one would."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_get("/mqtt", self._websocket)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        for name, port in self._ports.items():
            if name not in (ABSENT, "mqtt"):
                await web.TCPSite(self._runner, LOOPBACK, port).start()
        self._broker = await asyncio.start_server(self._talk, LOOPBACK, self._ports["mqtt"])

    async def stop(self) -> None:
        """Stop all."""
        if self._broker is not None:
            self._broker.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _echo(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        told = {
            "service": self._names[request.transport.get_extra_info("sockname")[1]],
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "bytes": len(await request.read()),
        }
        return web.json_response(told, headers={"X-Request-Id": request.headers["X-Request-Id"]})

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("mqtt",))
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(b"broker heard " + message.data)
        return socket

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1000):
            writer.write(b"broker heard " + heard)
        writer.close()


@contextlib.contextmanager
def _in_a_thread_of_its_own() -> Iterator[Any]:
    """An event loop beside the tests', which talk to nginx with blocking sockets."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda job: asyncio.run_coroutine_threadsafe(job, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
