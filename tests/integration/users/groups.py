"""Groups and policies as tests make and see them."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse

from tests.integration.users.conftest import Account, Api


async def new_group(api: Api, owner: Account, name: str = "g", **members: Any) -> str:
    """A group's id."""
    response = await api.post("/groups", json={"name": name, **members}, headers=owner.headers)
    assert response.status == 201, await response.text()
    group_id: str = (await response.json())["id"]
    assert response.headers["Location"] == f"/groups/{group_id}"
    return group_id


async def allow(
    api: Api, by: Account, subject: Account | str, group_id: str, *actions: str
) -> ClientResponse:
    """Ask for a policy."""
    subject_id = subject if isinstance(subject, str) else subject.id
    body = {"subject": subject_id, "object": group_id, "actions": actions}
    return await api.post("/policies", json=body, headers=by.headers)


async def page_of(api: Api, path: str, who: Account) -> dict[str, Any]:
    """A list."""
    response = await api.get(path, headers=who.headers)
    assert response.status == 200, await response.text()
    page: dict[str, Any] = await response.json()
    return page
