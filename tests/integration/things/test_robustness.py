"""No request makes the service fail, whatever is in it."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi

some = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, width=16) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
things = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids().map(str) | texts,
        "name": texts | values,
        "tags": st.lists(texts, max_size=3) | values,
        "credentials": st.fixed_dictionaries({}, optional={"secret": texts}) | values,
        "key": texts,
        "metadata": st.dictionaries(texts, values, max_size=3) | values,
        "owner": texts,
        "status": st.sampled_from(["", "enabled", "disabled", "all"]) | texts,
    },
)
pairs = st.fixed_dictionaries(
    {},
    optional={
        "thing_ids": st.lists(st.uuids().map(str) | texts, max_size=3) | values,
        "channel_ids": st.lists(st.uuids().map(str) | texts, max_size=3) | values,
        "subjects": values,
        "actions": st.lists(st.sampled_from(["m_read", "bogus"]), max_size=2) | values,
    },
)
ids = st.lists(texts | st.uuids().map(str), max_size=1).map("".join)
policies = st.fixed_dictionaries(
    {},
    optional={
        "subject": ids | values,
        "object": ids | values,
        "actions": st.lists(st.sampled_from(["m_read", "bogus"]), max_size=2) | values,
        "external": st.booleans() | values,
    },
)
accesses = st.fixed_dictionaries(
    {},
    optional={
        "subject": texts | values,
        "action": st.sampled_from(["m_read", "bogus"]) | values,
        "entity_type": st.sampled_from(["thing", "", "user"]) | values,
    },
)
queries = st.fixed_dictionaries(
    {},
    optional={
        name: texts | st.integers().map(str)
        for name in (
            *("offset", "limit", "name", "tag", "status", "owner_id", "visibility"),
            *("level", "dir", "tree", "parent_id", "client", "group", "action"),
        )
    }
    | {"metadata": texts | values.map(lambda value: str(value).replace("'", '"'))},
)


@pytest.fixture(params=["alice", "admin"])
def caller(request: pytest.FixtureRequest) -> User:
    user: User = request.getfixturevalue(request.param)
    return user


@some
@given(body=things | values)
async def test_no_thing_to_be_made_is_a_fault(
    things_api: ThingsApi, caller: User, body: Any
) -> None:
    answer = await things_api.call("POST", "/things", caller, body)

    assert answer.status in {201, 400, 409, 415}
    if answer.status == 201:
        seen = await things_api.call("GET", f"/things/{answer.body['id']}", caller)
        assert seen.body == answer.body


@some
@given(body=pairs | values)
async def test_no_pairs_to_be_connected_are_a_fault(
    things_api: ThingsApi, caller: User, body: Any
) -> None:
    for path in ("/connect", "/disconnect"):
        answer = await things_api.call("POST", path, caller, body)

        assert answer.status in {400, 404, 415}


@some
@given(body=policies | values, method=st.sampled_from(["POST", "PUT"]))
async def test_no_policy_is_a_fault(
    things_api: ThingsApi, caller: User, body: Any, method: str
) -> None:
    answer = await things_api.call(method, "/policies", caller, body)

    assert answer.status in {400, 404, 415}


@some
@given(body=accesses | values)
async def test_no_question_of_an_adapter_is_a_fault(things_api: ThingsApi, body: Any) -> None:
    answer = await things_api.call("POST", f"/channels/{UUID(int=1)}/access", None, body)

    assert answer.status in {400, 403, 415}


@some
@given(
    path=st.sampled_from(["/things/{id}", "/channels/{id}", "/things/{id}/channels"]),
    entity_id=texts | st.uuids().map(str),
)
async def test_no_id_is_a_fault(
    things_api: ThingsApi, caller: User, path: str, entity_id: str
) -> None:
    target = path.replace("{id}", quote(entity_id, safe=""))
    answer = await things_api.call("GET", target, caller)

    assert answer.status in {200, 404}


UNSTORABLE = [
    b'{"name":"\\u0000"}',
    b'{"name":"\\ud800"}',
    b'{"name":"\xff"}',
    b'{"metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    b"[" * 100_000,
    b'{"metadata":{"a":9223372036854775808}, "subject": 9223372036854775808}',
    b'{"metadata":{"a":1e400}, "actions": 1e400}',
    b'{"name":',
    b"null",
    b"",
]


async def test_what_json_can_hold_and_a_database_cannot_is_no_fault(
    things_api: ThingsApi, alice: User
) -> None:
    for path in ("/things", "/channels", "/policies", "/connect", "/things/bulk"):
        for data in UNSTORABLE:
            answer = await things_api.call("POST", path, alice, data=data)

            assert answer.status in {201, 400}, (path, data[:40])


@some
@given(query=queries)
async def test_no_query_is_a_fault(
    things_api: ThingsApi, caller: User, query: dict[str, str]
) -> None:
    text = "&".join(f"{name}={quote(value)}" for name, value in query.items())

    for path in ("/things", "/channels", "/policies"):
        answer = await things_api.call("GET", f"{path}?{text}", caller)

        assert answer.status in {200, 400}


NO_TEXTS = [
    b"/things?name=\xff",
    b"/things?name=%FF",
    b"/things?name=%ED%A0%80",
    b"/things?metadata=%FF",
    b"/things?tag=%00",
    b"/things/\xff",
    b"/things/%FF",
    b"/channels/%00/things",
]


async def test_bytes_that_are_no_text_are_no_fault(things_api: ThingsApi, alice: User) -> None:
    bearer = b"Bearer " + alice.token.encode()

    for target in NO_TEXTS:
        assert await raw_status(things_api, b"GET " + target, bearer) in {200, 400, 404}, target


async def test_a_key_that_is_no_text_belongs_to_nothing(things_api: ThingsApi) -> None:
    assert await raw_status(things_api, b"POST /identify", b"Thing \xff\xfe") == 404


async def test_ten_megabytes_are_no_fault(things_api: ThingsApi, alice: User) -> None:
    name = b'{"name":"' + b"x" * 10_000_000 + b'"}'

    one = await things_api.call("POST", "/things", alice, data=BytesIO(name))
    many = await things_api.call("POST", "/things/bulk", alice, data=BytesIO(b"[" + name + b"]"))

    assert one.outcome == (413, "too_large")
    assert many.outcome == (400, "invalid_input")


async def raw_status(things_api: ThingsApi, request: bytes, authorization: bytes) -> int:
    """What a request is answered whose bytes no client library would send."""
    reader, writer = await asyncio.open_connection(things_api.client.host, things_api.client.port)
    writer.write(
        request + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: 0\r\nAuthorization: " + authorization + b"\r\n\r\n"
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])
