"""The things service as tests call it."""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from msgspec import Struct

from tests.fixtures.services import User


class Answer(Struct, frozen=True):
    """What the service said; an empty body is None."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def outcome(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        return self.status, self.body["code"]


class ThingsApi:
    """Calls the service as a user."""

    def __init__(self, client: TestClient[Request, Application]) -> None:
        self.client = client

    async def call(
        self,
        method: str,
        path: str,
        user: User | None = None,
        body: Any = None,
        *,
        data: bytes | BinaryIO | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make a call with a JSON body, or with `data` as it is."""
        sent = {**(user.headers if user else {}), **(headers or {})}
        if body is not None:
            data = msgspec.json.encode(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.client.request(method, path, data=data, headers=sent) as response:
            content = await response.read()
            return Answer(
                response.status,
                dict(response.headers),
                msgspec.json.decode(content) if content else None,
            )

    async def make_thing(self, user: User, **members: Any) -> dict[str, Any]:
        """Create a thing and answer it."""
        return await self._made("/things", user, members)

    async def make_channel(self, user: User, **members: Any) -> dict[str, Any]:
        """Create a channel and answer it."""
        return await self._made("/channels", user, {"name": "channel", **members})

    async def connect(self, user: User, thing: dict[str, Any], channel: dict[str, Any]) -> None:
        """Connect a thing to a channel."""
        answer = await self.call("PUT", f"/channels/{channel['id']}/things/{thing['id']}", user)
        assert answer.status == 201, answer

    async def connected_pair(self, user: User) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make a thing and a channel and connect them."""
        thing, channel = await self.make_thing(user), await self.make_channel(user)
        await self.connect(user, thing, channel)
        return thing, channel

    async def identify(self, secret: str) -> Answer:
        """Ask which thing has a secret."""
        return await self.call("POST", "/identify", headers={"Authorization": f"Thing {secret}"})

    async def _made(self, path: str, user: User, members: dict[str, Any]) -> dict[str, Any]:
        answer = await self.call("POST", path, user, members)
        assert answer.status == 201, answer
        body: dict[str, Any] = answer.body
        return body

    async def share(
        self, user: User, channel: dict[str, Any], other: User, *actions: str
    ) -> Answer:
        """Share a channel with another user."""
        return await self.call(
            "POST",
            "/policies",
            user,
            {
                "subject": str(other.id),
                "object": channel["id"],
                "actions": list(actions),
                "external": True,
            },
        )
