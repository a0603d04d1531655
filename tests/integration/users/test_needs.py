"""Who may do what with accounts and groups: the table of needs, cell by cell."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.integration.users.conftest import (
    ADMIN,
    ADMIN_SECRET,
    Account,
    Api,
    account_of,
    sign_up,
    user_body,
)
from tests.integration.users.groups import allow, new_group


class Need(Struct, frozen=True):
    """A row: an operation and the action a policy needs to allow it; empty if none does.

    Attributes:
        before: Done by the owner first.
    """

    method: str
    path: str
    action: str = ""
    body: dict[str, Any] | None = None
    before: str = ""


NEEDS = [
    Need("GET", "/users/{member}", "c_list"),
    Need("PATCH", "/users/{member}", "c_update", {"name": "other", "metadata": {"k": 1}}),
    Need("PATCH", "/users/{member}/tags", "c_update", {"tags": ["t"]}),
    Need("PATCH", "/users/{member}/identity", "", {"identity": "{new}@example.com"}),
    Need("PATCH", "/users/{member}/owner", "", {"owner": "{owner}"}),
    Need("POST", "/users/{member}/disable", "c_delete"),
    Need("POST", "/users/{member}/enable", "c_delete", before="/users/{member}/disable"),
    Need("GET", "/groups/{group}", "g_list"),
    Need("GET", "/groups/{group}/members", "g_list"),
    Need("GET", "/groups/{group}/children", "g_list"),
    Need("GET", "/groups/{group}/parents", "g_list"),
    Need("PUT", "/groups/{group}", "g_update", {"description": "other"}),
    Need("POST", "/groups/{group}/disable", "g_delete"),
    Need("POST", "/groups/{group}/enable", "g_delete", before="/groups/{group}/disable"),
]
WHO = ["owner", "admin", "holder", "other holder", "member", "stranger"]
ALL_ACTIONS = {
    *("g_add", "g_delete", "g_update", "g_list"),
    *("c_delete", "c_update", "c_list", "c_share", "m_write", "m_read"),
}


class Cast(Struct, frozen=True):
    """Everybody in the table."""

    owner: Account
    admin: Account
    holder: Account
    member: Account
    stranger: Account


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(users_api: Api) -> Cast:
    """People who come back in every row."""
    return Cast(
        owner=await sign_up(users_api),
        admin=await account_of(users_api, ADMIN, ADMIN_SECRET),
        holder=await sign_up(users_api),
        member=await sign_up(users_api),
        stranger=await sign_up(users_api),
    )


def implied_by_others(action: str) -> set[str]:
    """All actions but this one and those that bring it along when they are added."""
    prefixes = {"c_list": ("c_",), "g_list": ("c_", "g_")}.get(action, ())
    return {other for other in ALL_ACTIONS - {action} if not other.startswith(prefixes)}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.method} {need.path}")
async def test_who_may_do_what(users_api: Api, cast: Cast, need: Need, who: str) -> None:
    made = await users_api.post(
        "/users", json=user_body(f"{uuid4().hex}@example.com"), headers=cast.owner.headers
    )
    member = (await made.json())["id"]
    group = await new_group(users_api, cast.owner, uuid4().hex)
    await allow(users_api, cast.owner, member, group, "m_read")
    words = {"member": member, "group": group, "owner": cast.owner.id, "new": uuid4().hex}
    granted = {
        "holder": {need.action} if need.action else ALL_ACTIONS,
        "other holder": implied_by_others(need.action),
        "member": {"m_read"},
    }
    caller = {
        "owner": cast.owner,
        "admin": cast.admin,
        "member": cast.member,
        "stranger": cast.stranger,
    }.get(who, cast.holder)
    if who in granted:
        given = await allow(users_api, cast.owner, caller, group, *sorted(granted[who]))
        assert given.status == 201
    if need.before:
        path = need.before.format(**words)
        assert (await users_api.post(path, headers=cast.owner.headers)).status == 200

    response = await users_api.request(
        need.method,
        need.path.format(**words),
        json=need.body and {name: _filled(value, words) for name, value in need.body.items()},
        headers=caller.headers,
    )

    may = who in ("owner", "admin") or (who == "holder" and need.action != "")
    assert response.status == (200 if may else 403), await response.text()


def _filled(value: Any, words: dict[str, str]) -> Any:
    return value.format(**words) if isinstance(value, str) else value


SELF = [
    ("GET", "", None, 200),
    ("PATCH", "", {"name": "mine"}, 200),
    ("PATCH", "/tags", {"tags": ["t"]}, 200),
    ("PATCH", "/identity", {"identity": "{new}@example.com"}, 200),
    ("PATCH", "/owner", {"owner": "{owner}"}, 403),
    ("PATCH", "/role", {"role": "admin"}, 403),
    ("GET", "/memberships", None, 200),
    ("POST", "/disable", None, 200),
]


async def test_what_somebody_may_do_with_himself(users_api: Api, cast: Cast) -> None:
    himself = await sign_up(users_api)
    words = {"new": uuid4().hex, "owner": cast.owner.id}

    for method, suffix, body, status in SELF:
        response = await users_api.request(
            method,
            f"/users/{himself.id}{suffix}",
            json=body and {name: _filled(value, words) for name, value in body.items()},
            headers=himself.headers,
        )
        assert response.status == status, suffix


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", "/users/{id}", {"name": "taken over"}), ("POST", "/users/{id}/disable", None)],
)
async def test_putting_a_stranger_into_a_group_gives_no_power_over_him(
    users_api: Api, cast: Cast, method: str, path: str, body: Any
) -> None:
    group = await new_group(users_api, cast.owner, uuid4().hex)
    await allow(users_api, cast.owner, cast.owner, group, "c_update", "c_delete")
    await allow(users_api, cast.owner, cast.stranger, group, "g_list")

    response = await users_api.request(
        method, path.format(id=cast.stranger.id), json=body, headers=cast.owner.headers
    )

    assert response.status == 403


async def test_no_policy_gives_power_over_an_admin(users_api: Api, cast: Cast) -> None:
    group = await new_group(users_api, cast.holder, uuid4().hex)
    await allow(users_api, cast.holder, cast.admin, group, "m_read")
    await allow(users_api, cast.holder, cast.holder, group, *ALL_ACTIONS)

    for method, suffix in (("POST", "/disable"), ("PATCH", ""), ("GET", "")):
        response = await users_api.request(
            method, f"/users/{cast.admin.id}{suffix}", json={}, headers=cast.holder.headers
        )
        assert response.status == 403, suffix


async def test_a_disabled_group_gives_no_rights_over_its_members(
    users_api: Api, cast: Cast
) -> None:
    member = await sign_up(users_api, by=cast.owner)
    group = await new_group(users_api, cast.owner, uuid4().hex)
    await allow(users_api, cast.owner, member, group, "m_read")
    await allow(users_api, cast.owner, cast.holder, group, "c_list")
    path = f"/users/{member.id}"
    before = await users_api.get(path, headers=cast.holder.headers)

    await users_api.post(f"/groups/{group}/disable", headers=cast.owner.headers)

    after = await users_api.get(path, headers=cast.holder.headers)
    assert (before.status, after.status) == (200, 403)
