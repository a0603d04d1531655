"""Whatever is sent to users, it is never the service's fault."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from services.users.service.keys import SCOPES
from tests.integration.users.conftest import SECRET, Account, Api, bearer, sign_up
from tests.integration.users.groups import allow, new_group

ANYTHING = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_TEXT = st.text(max_size=80)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_SECRET = st.text(st.characters(codec="ascii", exclude_characters="\0\n"), min_size=8, max_size=72)
_LOCAL = st.text(alphabet=st.characters(exclude_characters="@"), min_size=1, max_size=70)
_IDENTITY = st.builds("{}@{}.{}".format, _LOCAL, _LOCAL, _LOCAL) | st.emails() | _TEXT
_ID = st.uuids().map(str) | _TEXT
_METADATA = st.dictionaries(_TEXT, _JSON, max_size=3)
_STATUS = st.sampled_from(["", "enabled", "disabled", "all"])
_ACTIONS = st.lists(
    st.sampled_from(["g_add", "g_list", "c_update", "c_list", "m_read", "fly"]), max_size=4
)
_WORDS = {
    "name": _TEXT,
    "tags": st.lists(_TEXT, max_size=3),
    "metadata": _METADATA,
    "status": _STATUS,
    "role": st.sampled_from(["", "user", "admin"]),
    "owner": _ID,
    "description": _TEXT,
    "parent_id": _ID,
    "identity": _IDENTITY,
    "email": _IDENTITY,
    "secret": _SECRET,
    "password": _SECRET,
    "old_secret": _SECRET,
    "new_secret": _SECRET,
    "confirm_password": _SECRET,
    "token": _TEXT,
    "subject": _ID,
    "object": _ID,
    "actions": _ACTIONS,
    "scopes": st.lists(st.sampled_from(sorted(SCOPES)) | _TEXT, max_size=3),
    "expires_at": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | _TEXT,
    "credentials": st.fixed_dictionaries({}, optional={"identity": _IDENTITY, "secret": _SECRET}),
}


def bodies(*members: str) -> st.SearchStrategy[Any]:
    """Bodies with some of these members, which may be right, and such without any sense."""
    right = {name: _WORDS[name] for name in members}
    return (
        st.fixed_dictionaries({}, optional=right)
        | st.fixed_dictionaries({}, optional={name: right[name] | _JSON for name in members})
        | _JSON
    )


BODIES = {
    ("POST", "/users"): bodies(
        *("credentials", "email", "password", "name", "tags", "metadata", "status", "role", "owner")
    ),
    ("PATCH", "/users/{me}"): bodies("name", "metadata"),
    ("PATCH", "/users/{me}/tags"): bodies("tags"),
    ("PATCH", "/users/{child}/identity"): bodies("identity"),
    ("PATCH", "/users/{child}/owner"): bodies("owner"),
    ("PATCH", "/users/{child}/role"): bodies("role"),
    ("PATCH", "/users/secret"): bodies("old_secret", "new_secret"),
    ("POST", "/users/tokens/issue"): bodies("identity", "secret", "email", "password"),
    ("POST", "/tokens"): bodies("identity", "secret", "email", "password"),
    ("POST", "/users/keys"): bodies("name", "scopes", "expires_at"),
    ("POST", "/groups"): bodies("name", "description", "parent_id", "metadata", "status"),
    ("PUT", "/groups/{group}"): bodies("name", "description", "parent_id", "metadata"),
    ("POST", "/policies"): bodies("subject", "object", "actions"),
    ("PUT", "/policies"): bodies("subject", "object", "actions"),
    ("PUT", "/password/reset"): bodies("token", "password", "confirm_password"),
}
_NUMBER = st.integers(-2, 102).map(str) | st.integers().map(str) | _TEXT
_FILTERS = {
    "limit": _NUMBER,
    "offset": _NUMBER,
    "name": _TEXT,
    "identity": _IDENTITY,
    "tag": _TEXT,
    "metadata": _METADATA.map(json.dumps) | _TEXT,
    "status": _STATUS | _TEXT,
    "owner_id": _ID,
    "visibility": st.sampled_from(["", "mine", "shared", "all"]) | _TEXT,
    "parent_id": _ID,
    "level": _NUMBER,
    "tree": st.sampled_from(["true", "false", "1", ""]) | _TEXT,
    "dir": _NUMBER,
    "subject": _ID,
    "object": _ID,
    "action": st.sampled_from(["g_list", "m_read", ""]) | _TEXT,
}
LISTS = [
    "/users",
    "/users/keys",
    "/users/{me}/memberships",
    "/groups",
    "/groups/{group}/children",
    "/groups/{group}/parents",
    "/groups/{group}/members",
    "/policies",
]


class World(Struct, frozen=True):
    """Somebody with something of everything, and his ids as words of paths."""

    me: Account
    words: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(users_api: Api) -> World:
    """Shared by all examples: nothing of it may be in their way."""
    me = await sign_up(users_api)
    child = await sign_up(users_api, by=me)
    group = await new_group(users_api, me)
    await allow(users_api, me, child, group, "m_read")
    return World(me, {"me": me.id, "child": child.id, "group": group})


@pytest.mark.parametrize(("method", "path"), BODIES)
@ANYTHING
@given(data=st.data())
async def test_no_body_is_a_fault(
    users_api: Api, world: World, method: str, path: str, data: st.DataObject
) -> None:
    body = data.draw(BODIES[method, path])

    response = await users_api.request(
        method,
        path.format(**world.words),
        data=json.dumps(body),
        headers=world.me.headers | {"Content-Type": "application/json"},
    )

    assert response.status < 500, await response.text()
    if response.content_length:
        answer = await response.json()
        assert "secret" not in answer.get("credentials", {})
        assert response.status < 400 or {"error", "message", "code"} <= answer.keys()


@pytest.mark.parametrize("path", LISTS)
@ANYTHING
@given(query=st.fixed_dictionaries({}, optional=_FILTERS))
async def test_no_query_is_a_fault(
    users_api: Api, world: World, path: str, query: dict[str, str]
) -> None:
    text = urlencode(query, errors="replace")

    response = await users_api.get(f"{path.format(**world.words)}?{text}", headers=world.me.headers)

    page = await response.json()
    assert response.status in (200, 400), page
    if response.status == 200:
        assert {"total", "offset", "limit"} <= page.keys()


@pytest.mark.parametrize(
    "path", ["/users/{}", "/groups/{}", "/groups/{}/members", "/users/keys/{}", "/policies/{}/{}"]
)
@ANYTHING
@given(text=st.text(st.characters(exclude_characters="/?#%"), min_size=1))
async def test_no_id_is_a_fault(users_api: Api, world: World, path: str, text: str) -> None:
    method = "DELETE" if "policies" in path else "GET"

    response = await users_api.request(method, path.replace("{}", text), headers=world.me.headers)

    assert response.status in (200, 403, 404, 405), await response.text()


@ANYTHING
@given(identity=_IDENTITY, secret=_SECRET)
async def test_who_registers_can_log_in_with_what_he_typed(
    users_api: Api, identity: str, secret: str
) -> None:
    # Apart from those of earlier examples and runs: addresses are taken once.
    local, _, host = identity.partition("@")
    credentials = {"identity": f"{local[:20]}{uuid4().hex}@{host}", "secret": secret}
    made = await users_api.post("/users", json={"credentials": credentials})
    assert made.status in (201, 400)

    tokens = await users_api.post("/users/tokens/issue", json=credentials)

    assert tokens.status in ((201,) if made.status == 201 else (400, 401))


async def test_a_token_of_any_shape_is_only_refused(users_api: Api) -> None:
    for token in ("x", "a.b.c", "." * 9000, f"smq_{'0' * 32}_", "smq_", SECRET * 400):
        response = await users_api.get("/users/profile", headers=bearer(token))
        assert response.status in (400, 401), token[:20]
