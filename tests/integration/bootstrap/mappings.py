"""Configs as provision makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from msgspec import Struct
from yarl import URL

from shared.contracts.bootstrap import ConfigChannelInput, SetConfigBody, State
from tests.fixtures.services import User


class Api(Struct, frozen=True):
    """A running bootstrap service."""

    client: TestClient[web.Request, web.Application]
    database_url: str

    async def fetch(
        self,
        external_id: str,
        key: str | None,
        *,
        secure: bool = False,
        scheme: str = "Thing ",
    ) -> ClientResponse:
        """What a gateway does; without a header if the key is None."""
        folder = "/things/bootstrap/secure/" if secure else "/things/bootstrap/"
        return await self.client.get(
            URL(folder + quote(external_id, safe=""), encoded=True),
            headers={} if key is None else {"Authorization": scheme + key},
        )

    async def view(self, thing_id: UUID | str, user: User) -> ClientResponse:
        """What an owner sees."""
        return await self.client.get(f"/things/configs/{thing_id}", headers=user.headers)


def make_channel(name: str, kind: str | None = None, **metadata: Any) -> ConfigChannelInput:
    """A channel, with a `type` in its metadata if there is a kind."""
    return ConfigChannelInput(
        id=uuid4(), name=name, metadata=({"type": kind} if kind else {}) | metadata
    )


def make_config(
    *,
    thing_id: UUID | None = None,
    thing_secret: str | None = None,
    external_id: str | None = None,
    external_key: str = "label-key",
    name: str = "gateway",
    content: str = '{"agent":{}}',
    channels: Sequence[ConfigChannelInput] = (),
    state: State = State.ACTIVE,
    client_cert: str = "",
    client_key: str = "",
    ca_cert: str = "",
) -> SetConfigBody:
    """A config of a gateway that nothing is known of yet."""
    return SetConfigBody(
        thing_id=thing_id or uuid4(),
        thing_secret=thing_secret or str(uuid4()),
        external_id=external_id or f"gateway-{uuid4()}",
        external_key=external_key,
        name=name,
        content=content,
        channels=list(channels),
        state=state,
        client_cert=client_cert,
        client_key=client_key,
        ca_cert=ca_cert,
    )


class Mappings:
    """Applies and withdraws configs."""

    def __init__(self, api: Api, token: Callable[..., str], owner: User) -> None:
        self._api = api
        self._token = token
        self._owner = owner

    async def make(
        self, config: SetConfigBody | None = None, *, owner: User | None = None
    ) -> SetConfigBody:
        """A config that is there."""
        config = config or make_config()
        answer = await self.apply(uuid4(), config, owner=owner)
        assert answer.status == 204, await answer.text()
        return config

    async def apply(
        self,
        mapping_id: UUID,
        config: SetConfigBody | dict[str, Any],
        *,
        owner: User | None = None,
        token: str | None = None,
    ) -> ClientResponse:
        """What provision does."""
        return await self._api.client.put(
            "/internal/configs",
            data=msgspec.json.encode({"configs": {mapping_id: config}}),
            headers=self._headers(mapping_id, owner, token) | {"Content-Type": "application/json"},
        )

    async def withdraw(
        self, mapping_id: UUID, *, owner: User | None = None, token: str | None = None
    ) -> ClientResponse:
        """What provision does to undo it."""
        return await self._api.client.delete(
            "/internal/configs",
            json={"mapping_ids": [str(mapping_id)]},
            headers=self._headers(mapping_id, owner, token),
        )

    def _headers(self, mapping_id: UUID, owner: User | None, token: str | None) -> dict[str, str]:
        token = self._token(owner or self._owner, mapping_id) if token is None else token
        return {"Authorization": f"Bearer {token}"}
