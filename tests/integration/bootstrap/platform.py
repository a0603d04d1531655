"""Bootstrap beside the real things service, whose answers can be spoilt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from msgspec import Struct

from tests.fixtures.services import User
from tests.integration.bootstrap.mappings import Api

Client = TestClient[web.Request, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Faults:
    """What goes wrong at things, by the beginning of `METHOD path`.

    Attributes:
        calls: Every call that has reached things.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._answers: dict[str, tuple[int, bool, int]] = {}

    def answer(self, call: str, status: int = 503, *, done: bool = False, times: int = -1) -> None:
        """Answer a call with a status; `done` if it shall do its work all the same."""
        self._answers[call] = (status, done, times)

    def stop(self) -> None:
        """Nothing goes wrong any more."""
        self._answers.clear()

    def count(self, call: str) -> int:
        """How many calls there were that begin so."""
        return sum(1 for made in self.calls if made.startswith(call))

    @property
    def middleware(self) -> Any:
        @web.middleware
        async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
            made = f"{request.method} {request.path}"
            self.calls.append(made)
            for call, (status, done, times) in self._answers.items():
                if made.startswith(call) and times != 0:
                    self._answers[call] = (status, done, times - 1)
                    if done:
                        await handler(request)
                    return web.json_response({"error": "", "message": "spoilt"}, status=status)
            return await handler(request)

        return spoil


class Platform(Struct, frozen=True):
    """Both services, and what users do with them."""

    api: Api
    things: Client
    faults: Faults

    async def make_thing(self, user: User, **members: Any) -> dict[str, Any]:
        """A thing as things answers it."""
        answer = await self.things.post("/things", json=members, headers=user.headers)
        assert answer.status == 201
        thing: dict[str, Any] = await answer.json()
        return thing

    async def make_channel(self, user: User, name: str = "channel", **members: Any) -> str:
        """A channel's id."""
        body = {"name": name} | members
        answer = await self.things.post("/channels", json=body, headers=user.headers)
        assert answer.status == 201
        channel_id: str = (await answer.json())["id"]
        return channel_id

    async def make_channels(self, user: User, count: int) -> list[str]:
        """Several."""
        return [await self.make_channel(user, f"channel {number}") for number in range(count)]

    async def disable(self, user: User, path: str) -> None:
        """Keep a thing or channel from taking part."""
        answer = await self.things.post(f"{path}/disable", headers=user.headers)
        assert answer.status == 200

    async def add(self, user: User, **members: Any) -> ClientResponse:
        """Add a config, of an external id nobody has if none is given."""
        body = {"external_id": f"gateway-{uuid4()}", "external_key": "label-key"} | members
        return await self.api.client.post("/things/configs", json=body, headers=user.headers)

    async def added(self, user: User, **members: Any) -> str:
        """The thing of a config that is there."""
        answer = await self.add(user, **members)
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"].removeprefix("/things/configs/")

    async def active(self, user: User, **members: Any) -> str:
        """The same of an active one."""
        thing_id = await self.added(user, **members)
        answer = await self.switch(user, thing_id, 1)
        assert answer.status == 200, await answer.text()
        return thing_id

    async def switch(self, user: User, thing_id: str, state: Any) -> ClientResponse:
        """Change a config's state."""
        return await self.api.client.put(
            f"/things/state/{thing_id}", json={"state": state}, headers=user.headers
        )

    async def replace(self, user: User, thing_id: str, channels: Any) -> ClientResponse:
        """Change a config's channels."""
        return await self.api.client.put(
            f"/things/configs/connections/{thing_id}",
            json={"channels": channels},
            headers=user.headers,
        )

    async def remove(self, user: User, thing_id: str) -> ClientResponse:
        """Remove a config."""
        return await self.api.client.delete(f"/things/configs/{thing_id}", headers=user.headers)

    async def view(self, user: User, thing_id: str) -> dict[str, Any]:
        """A config as its owner sees it."""
        answer = await self.api.view(UUID(thing_id), user)
        assert answer.status == 200
        config: dict[str, Any] = await answer.json()
        return config

    async def state(self, user: User, thing_id: str) -> int:
        """A config's state."""
        return int((await self.view(user, thing_id))["state"])

    async def channels(self, user: User, thing_id: str) -> list[str]:
        """The ids of a config's channels."""
        return [channel["id"] for channel in (await self.view(user, thing_id)).get("channels", [])]

    async def connected(self, user: User, thing_id: str) -> set[str]:
        """The channels that a thing is connected to in truth."""
        answer = await self.things.get(
            f"/things/{thing_id}/channels?limit=100", headers=user.headers
        )
        return {channel["id"] for channel in (await answer.json())["channels"]}

    async def total(self, user: User, path: str = "/things") -> int:
        """How many things or channels a user has."""
        answer = await self.things.get(f"{path}?status=all", headers=user.headers)
        return int((await answer.json())["total"])

    async def total_configs(self, user: User) -> int:
        """How many configs a user has."""
        answer = await self.api.client.get("/things/configs", headers=user.headers)
        return int((await answer.json())["total"])
