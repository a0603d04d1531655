"""API keys: made once, limited to scopes, dead when revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings
from services.users.handlers.keys import KEYS
from services.users.service.keys import SCOPES
from shared.contracts.users import ACCESS_TOKEN
from shared.http.operation import Access, Operation
from tests.fixtures.services import MakeSettings
from tests.integration.users.conftest import Account, Api, bearer
from tests.integration.users.test_exchange import exchange, form_of
from tests.waiting import eventually


async def new_key(api: Api, account: Account, *scopes: str, **members: Any) -> dict[str, Any]:
    """A key that was made."""
    response = await api.post(
        "/users/keys", json={"scopes": scopes, **members}, headers=account.headers
    )
    assert response.status == 201, await response.text()
    key: dict[str, Any] = await response.json()
    return key


async def test_a_key_is_shown_once(users_api: Api, alice: Account) -> None:
    response = await users_api.post(
        "/users/keys", json={"name": "ci", "scopes": ["things:read"]}, headers=alice.headers
    )
    made = await response.json()

    path = response.headers["Location"]
    shown = await (await users_api.get(path, headers=alice.headers)).json()
    listed = await (await users_api.get("/users/keys", headers=alice.headers)).json()

    assert path == f"/users/keys/{made['id']}"
    assert made.pop("key").startswith(f"smq_{made['id'].replace('-', '')}_")
    assert shown == made
    assert shown.keys() == {"id", "name", "scopes", "created_at"}
    assert listed == {"total": 1, "offset": 0, "limit": 10, "keys": [made]}


async def test_nobody_elses_keys_are_seen_or_revoked(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    path = f"/users/keys/{(await new_key(users_api, alice, 'things:read'))['id']}"

    for other in (bob, admin):
        assert (await users_api.get(path, headers=other.headers)).status == 404
        assert (await users_api.delete(path, headers=other.headers)).status == 404
        page = await (await users_api.get("/users/keys", headers=other.headers)).json()
        assert page == {"total": 0, "offset": 0, "limit": 10, "keys": []}
    assert (await users_api.get(path, headers=alice.headers)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scopes": []},
        {"scopes": ["things"]},
        {"scopes": ["*"]},
        {"scopes": ["users:write"]},
        {"scopes": ["users:*"]},
        {"scopes": ["things:read", "things:delete"]},
        {"scopes": "things:read"},
        {"scopes": ["things:read"], "expires_at": "2001-01-01T00:00:00Z"},
        {"scopes": ["things:read"], "expires_at": "soon"},
        {"scopes": ["things:read"], "expires_at": "2101-01-01T00:00:00"},
        {"scopes": ["things:read"], "name": 5},
    ],
)
async def test_a_malformed_key_is_refused(
    users_api: Api, alice: Account, body: dict[str, Any]
) -> None:
    response = await users_api.post("/users/keys", json=body, headers=alice.headers)

    assert response.status == 400
    page = await (await users_api.get("/users/keys", headers=alice.headers)).json()
    assert page["total"] == 0


async def test_a_key_reads_what_its_scopes_name_and_does_nothing_else(
    users_api: Api, alice: Account
) -> None:
    key = await new_key(users_api, alice, "users:read")
    other = await new_key(users_api, alice, *sorted(SCOPES - {"users:read"}))

    profile = await users_api.get("/users/profile", headers=bearer(key["key"]))
    refused = await users_api.get("/users/profile", headers=bearer(other["key"]))

    assert (profile.status, refused.status) == (200, 403)
    assert (await profile.json())["id"] == alice.id


async def test_no_key_changes_anything_or_makes_keys(users_api: Api, alice: Account) -> None:
    headers = bearer((await new_key(users_api, alice, *sorted(SCOPES)))["key"])
    changes = [
        (route.method, re.sub(r"\{\w+\}", alice.id, route.resource.canonical))
        for route in users_api.app.router.routes()
        if route.resource
        and route.method not in ("GET", "HEAD")
        and _promise(route.handler).access is Access.USER
    ]
    changes += [("GET", "/users/keys"), ("GET", f"/users/keys/{uuid4()}")]

    statuses = {
        (method, path): (await users_api.request(method, path, json={}, headers=headers)).status
        for method, path in changes
    }

    assert ("POST", "/users/keys") in statuses
    assert set(statuses.values()) == {403}, statuses


def _promise(handler: Any) -> Operation:
    promise: Operation = handler.__operation__
    return promise


@pytest.mark.parametrize("change", ["secret", "id", "garbage", "empty"])
async def test_a_key_that_is_none_is_refused(users_api: Api, alice: Account, change: str) -> None:
    key = (await new_key(users_api, alice, "users:read"))["key"]
    wrong = {
        "secret": f"{key[:-1]}{'A' if key[-1] != 'A' else 'B'}",
        "id": f"smq_{uuid4().hex}_{key.split('_', 2)[2]}",
        "garbage": "smq_x_y",
        "empty": "smq_",
    }[change]

    response = await users_api.get("/users/profile", headers=bearer(wrong))

    assert response.status == 401


async def test_an_expired_key_is_refused(
    users_api: Api, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert users_api.app is not None
    service = users_api.app[KEYS]
    now = service._now
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    key = await new_key(users_api, alice, "users:read", expires_at=tomorrow)
    before = await users_api.get("/users/profile", headers=bearer(key["key"]))

    monkeypatch.setattr(service, "_now", lambda: now() + timedelta(days=1))

    after = await users_api.get("/users/profile", headers=bearer(key["key"]))
    assert (before.status, after.status) == (200, 401)


async def test_a_disabled_users_keys_rest_until_he_is_back(
    users_api: Api, alice: Account, admin: Account
) -> None:
    headers = bearer((await new_key(users_api, alice, "users:read"))["key"])
    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    meanwhile = await users_api.get("/users/profile", headers=headers)
    await users_api.post(f"/users/{alice.id}/enable", headers=admin.headers)
    after = await users_api.get("/users/profile", headers=headers)

    assert (meanwhile.status, after.status) == (401, 200)


@pytest_asyncio.fixture(loop_scope="module")
async def bootstrap(
    users_api: Api, make_settings: MakeSettings[BootstrapSettings], aiohttp_client: AiohttpClient
) -> TestClient[Any, Any]:
    """Another real service, which leans on users."""
    url = str(users_api.make_url("")).rstrip("/")
    settings = await make_settings(BootstrapSettings, "bootstrap", USERS_URL=url)
    return await aiohttp_client(create_app(settings))


async def test_other_services_take_a_key_until_it_is_revoked(
    users_api: Api, bootstrap: Api, alice: Account
) -> None:
    key = await new_key(users_api, alice, "bootstrap:read")
    headers = bearer(key["key"])
    first = await bootstrap.get("/things/configs", headers=headers)
    raw = await bootstrap.get("/things/configs", headers={"Authorization": key["key"]})

    revoked = await users_api.delete(f"/users/keys/{key['id']}", headers=alice.headers)

    async def is_refused() -> bool:
        return (await bootstrap.get("/things/configs", headers=headers)).status == 401

    await eventually(is_refused, within_seconds=30)
    again = await users_api.delete(f"/users/keys/{key['id']}", headers=alice.headers)
    assert (first.status, raw.status, revoked.status, again.status) == (200, 200, 204, 404)


async def test_other_services_refuse_a_key_of_a_disabled_user(
    users_api: Api, bootstrap: Api, alice: Account, admin: Account
) -> None:
    headers = bearer((await new_key(users_api, alice, "bootstrap:*"))["key"])
    assert (await bootstrap.get("/things/configs", headers=headers)).status == 200

    await users_api.post(f"/users/{alice.id}/disable", headers=admin.headers)

    async def is_refused() -> bool:
        return (await bootstrap.get("/things/configs", headers=headers)).status == 401

    await eventually(is_refused, within_seconds=30)


async def test_other_services_hold_a_key_to_its_scopes(
    users_api: Api, bootstrap: Api, alice: Account
) -> None:
    key = await new_key(users_api, alice, "things:*")

    response = await bootstrap.get("/things/configs", headers=bearer(key["key"]))

    assert response.status == 403


@pytest.mark.parametrize(
    ("scope", "status"), [("provision:write", 200), ("provision:*", 200), ("provision:read", 403)]
)
async def test_provision_acts_by_a_key_that_may_map(
    users_api: Api, alice: Account, scope: str, status: int
) -> None:
    key = (await new_key(users_api, alice, scope))["key"]

    response = await exchange(users_api, form_of(key, f"mapping:{uuid4()}", ACCESS_TOKEN))

    assert response.status == status


async def test_the_last_use_is_written_down(users_api: Api, alice: Account) -> None:
    key = await new_key(users_api, alice, "users:read")
    path = f"/users/keys/{key['id']}"
    await users_api.get("/users/profile", headers=bearer(key["key"]))
    before = await (await users_api.get(path, headers=alice.headers)).json()

    app = users_api.app
    assert app is not None
    await app[KEYS].write_uses()

    after = await (await users_api.get(path, headers=alice.headers)).json()
    assert "last_used_at" not in before
    assert after["last_used_at"] > after["created_at"]
