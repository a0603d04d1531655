"""Things, the HTTP adapter and mqtt_auth around one broker, and what users do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import nats
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from msgspec import Struct

from deploy.embedded.servers import NatsServer
from shared.http.operation import Handler
from tests.fixtures.services import User
from tests.waiting import eventually

Client = TestClient[web.Request, Any]


class Gate:
    """Holds back answers of things that are decided already."""

    def __init__(self) -> None:
        self._path = ""
        self._reached = asyncio.Event()
        self._open = asyncio.Event()

    @contextmanager
    def held(self, path: str) -> Iterator[None]:
        """Hold back answers of a path for as long as the context lasts."""
        self._path = path
        try:
            yield
        finally:
            self._open.set()

    async def until_reached(self) -> None:
        """Wait until an answer is held back."""
        await asyncio.wait_for(self._reached.wait(), 20)

    @property
    def middleware(self) -> Any:
        """To be put before the service's own."""

        @web.middleware
        async def hold(request: web.Request, handler: Handler) -> web.StreamResponse:
            answer = await handler(request)
            if request.path == self._path:
                self._reached.set()
                await self._open.wait()
            return answer

        return hold


class Thing(Struct, frozen=True):
    """What a device has to log in."""

    id: str
    key: str


class Plane(Struct, frozen=True):
    """The services, used as one user."""

    things: Client
    adapter: Client
    auth: Client
    nats: NatsServer
    user: User

    async def make_thing(self, **members: Any) -> Thing:
        """A thing of the user's."""
        thing = await self._made("/things", members)
        return Thing(thing["id"], thing["credentials"]["secret"])

    async def make_channel(self) -> str:
        """The id of a channel of the user's."""
        channel_id: str = (await self._made("/channels", {"name": "channel"}))["id"]
        return channel_id

    async def connect(self, thing: Thing, channel_id: str, *actions: str) -> None:
        """Connect a thing, for both directions unless said otherwise."""
        await self.change(
            "PUT",
            f"/channels/{channel_id}/things/{thing.id}",
            json={"actions": list(actions)} if actions else None,
        )

    async def disconnect(self, thing: Thing, channel_id: str) -> None:
        """Disconnect a thing."""
        await self.change("DELETE", f"/channels/{channel_id}/things/{thing.id}")

    async def connected_thing(self) -> tuple[Thing, str]:
        """A thing in a channel of its own."""
        thing, channel_id = await self.make_thing(), await self.make_channel()
        await self.connect(thing, channel_id)
        return thing, channel_id

    async def change(self, method: str, path: str, **options: Any) -> None:
        """Change something in things."""
        options.setdefault("headers", self.user.headers)
        answer = await self.things.request(method, path, **options)
        assert answer.status < 300, await answer.text()

    async def publish(
        self, thing: Thing, channel_id: str, payload: bytes = b"{}", *, subtopic: str = ""
    ) -> ClientResponse:
        """Publish over HTTP."""
        return await self.adapter.post(
            f"/channels/{channel_id}/messages{subtopic}",
            data=BytesIO(payload),
            headers={"Authorization": f"Thing {thing.key}", "Content-Type": "application/json"},
        )

    async def presence(self, thing: Thing, user: User | None = None) -> dict[str, Any]:
        """What is told about a thing."""
        answer = await self.auth.get(
            f"/things/{thing.id}/presence", headers=(user or self.user).headers
        )
        assert answer.status == 200, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body

    async def until_followed(self) -> None:
        """Wait until mqtt_auth has acted on all events there are."""
        client = await nats.connect(self.nats.url)

        async def is_done() -> bool:
            place = await client.jetstream().consumer_info("EVENTS", "mqtt_auth")
            return not place.num_pending and not place.num_ack_pending

        try:
            await eventually(is_done, within_seconds=30)
        finally:
            await client.close()

    async def _made(self, path: str, members: dict[str, Any]) -> dict[str, Any]:
        answer = await self.things.post(path, json=members, headers=self.user.headers)
        assert answer.status == 201, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body
