"""Calls that tests of provision make."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse
from yarl import URL

from tests.fixtures.services import User
from tests.integration.provision.conftest import Platform

GATEWAY = {"external_id": "33:52:79:C3:43", "external_key": "223334fw2"}
PATH = "/mappings/33:52:79:C3:43"


async def map_gateway(
    platform: Platform, user: User | None, body: Any = GATEWAY, **headers: str
) -> ClientResponse:
    return await platform.provision.post(
        "/mapping", json=body, headers=(user.headers if user else {}) | headers
    )


async def total(platform: Platform, user: User, path: str) -> int:
    client = platform.bootstrap if "configs" in path else platform.things
    response = await client.get(path, headers=user.headers)
    assert response.status == 200
    number: int = (await response.json())["total"]
    return number


async def totals(platform: Platform, user: User) -> tuple[int, int, int]:
    """How many things, channels and configs a user has."""
    return (
        await total(platform, user, "/things?status=all"),
        await total(platform, user, "/channels?status=all"),
        await total(platform, user, "/things/configs"),
    )


async def get(platform: Platform, user: User, path: str) -> ClientResponse:
    return await platform.provision.get(URL(path, encoded=True), headers=user.headers)


async def delete(platform: Platform, user: User, path: str = PATH) -> ClientResponse:
    return await platform.provision.delete(URL(path, encoded=True), headers=user.headers)


async def status(platform: Platform, user: User) -> str:
    body: dict[str, Any] = await (await get(platform, user, PATH)).json()
    return str(body["status"])
