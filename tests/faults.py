"""A proxy that stands between two services and lets calls fail in every way a network knows."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL


class Fault(StrEnum):
    """What happens to calls of the chosen method and path."""

    ANSWERS_500 = "answers 500"
    ANSWERS_503 = "answers 503"
    COMMITS_LATE = "hangs past the deadline and then commits"
    DIES_BEFORE_EFFECT = "dies before the effect"
    DIES_AFTER_EFFECT = "dies after the effect, before the answer"
    HOLDS_BEFORE_EFFECT = "holds the call"
    HOLDS_AFTER_EFFECT = "holds the answer"


class FaultyProxy:
    """Passes calls on; those of one method and path prefix meet the fault, if one is set.

    Attributes:
        reached: Set when a call has met the fault.
        late: Statuses of the calls that were held and passed on when the fault was mended.
    """

    def __init__(self, target: str) -> None:
        self._target = target.rstrip("/")
        self._fault: Fault | None = None
        self._method = ""
        self._prefix = ""
        self._mended = asyncio.Event()
        self._server = TestServer(self._application())
        self._passing: set[asyncio.Task[int]] = set()
        self.reached = asyncio.Event()
        self.late: list[int] = []

    @property
    def url(self) -> str:
        """Where to call instead of the target."""
        return str(self._server.make_url("")).rstrip("/")

    async def start(self) -> None:
        """Listen."""
        await self._server.start_server()

    async def stop(self) -> None:
        """Let everything go and stop."""
        await self.mend()
        await self._server.close()

    def break_calls(self, fault: Fault, method: str, prefix: str) -> None:
        """From now on calls meet a fault."""
        self._fault, self._method, self._prefix = fault, method, prefix
        self._mended.clear()
        self.reached.clear()

    async def mend(self) -> None:
        """Pass every call on again, and those that were held too."""
        self._fault = None
        self._mended.set()
        if self._passing:
            self.late += await asyncio.gather(*self._passing)

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=32 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_hit = request.method == self._method and request.path.startswith(self._prefix)
        fault = self._fault if is_hit else None
        match fault:
            case None:
                return await self._pass(request, body)
            case Fault.ANSWERS_500:
                self.reached.set()
                return web.json_response({"error": "", "message": "fault"}, status=500)
            case Fault.ANSWERS_503:
                self.reached.set()
                return web.json_response({"error": "", "message": "fault"}, status=503)
            case Fault.COMMITS_LATE:
                task = asyncio.create_task(self._pass_late(request, body))
                self._passing.add(task)
                self.reached.set()
                await self._mended.wait()
            case Fault.HOLDS_BEFORE_EFFECT:
                self.reached.set()
                await self._mended.wait()
            case Fault.HOLDS_AFTER_EFFECT:
                await self._pass(request, body)
                self.reached.set()
                await self._mended.wait()
            case Fault.DIES_AFTER_EFFECT:
                await self._pass(request, body)
                self.reached.set()
            case Fault.DIES_BEFORE_EFFECT:
                self.reached.set()
        assert request.transport is not None or fault is not None
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _pass_late(self, request: web.Request, body: bytes) -> int:
        await self._mended.wait()
        return (await self._pass(request, body)).status

    async def _pass(self, request: web.Request, body: bytes) -> web.Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "transfer-encoding")
        }
        url = URL(self._target + request.raw_path, encoded=True)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, headers=headers, data=body) as answer,
        ):
            content = await answer.read()
            passed = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("content-length", "transfer-encoding", "date", "server")
            }
            return web.Response(body=content, status=answer.status, headers=passed)
