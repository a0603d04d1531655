"""Whatever a stranger sends, it is his mistake and not the service's."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fixtures.services import User
from tests.integration.bootstrap.conftest import NewApi
from tests.integration.bootstrap.mappings import Api, Mappings, make_config
from tests.integration.bootstrap.platform import Platform

# One running service serves all examples.
few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Any byte but those that end a header, so also what is no UTF-8.
header_values = st.binary(max_size=60).map(
    lambda value: bytes(byte for byte in value if byte not in b"\r\n\0")
)
schemes = st.sampled_from([b"", b"Thing ", b"Client ", b"Bearer ", b"Basic ", b"Thing  "])
path_bytes = st.binary(min_size=1, max_size=40).map(
    lambda value: bytes(byte for byte in value if byte > 32 and byte not in b"?#\x7f") or b"x"
)
percent_encoded = st.binary(min_size=1, max_size=40).map(
    lambda value: b"".join(b"%%%02X" % byte for byte in value)
)


@pytest.fixture
async def bootstrap_api(new_api: NewApi) -> Api:
    """The service with its access log, which has to write down what was sent."""
    return await new_api(LOG_LEVEL="info", BOOTSTRAP_FETCH_FAILURES_PER_MINUTE="0")


@pytest.fixture
async def known_gateway(mappings: Mappings) -> str:
    """The external id of a gateway that has a config."""
    config = await mappings.make(make_config(external_id="known", external_key="ÿ"))
    return config.external_id


async def status_of(api: Api, path: bytes, authorization: bytes) -> int:
    """Sends bytes that no HTTP client would let through."""
    host, port = api.client.host, api.client.port
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(
            b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Authorization: " + authorization + b"\r\n\r\n"
        )
        answer = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1])


@few
@given(scheme=schemes, value=header_values)
@example(scheme=b"Bearer ", value=b"\xff.a.b")
@example(scheme=b"Bearer ", value="é.é.é".encode())
@example(scheme=b"Bearer ", value=b"eyJhbGciOiJFZERTQSIsImtpZCI6Wzk5OV19.e30.AA")
@example(scheme=b"Thing ", value=b"\xff\xfe")
@example(scheme=b"Thing ", value=b"\xed\xa0\x80")
async def test_no_authorization_header_is_too_odd(
    bootstrap_api: Api, scheme: bytes, value: bytes
) -> None:
    for path in (b"/things/configs", b"/things/bootstrap/x", b"/things/bootstrap/secure/x"):
        assert 400 <= await status_of(bootstrap_api, path, scheme + value) < 500


@few
@given(value=header_values)
@example(value=b"\xff")
@example(value=b"\xed\xb3\xbf")
async def test_no_key_is_too_odd_for_a_config(
    bootstrap_api: Api, known_gateway: str, value: bytes
) -> None:
    for folder in ("/things/bootstrap/", "/things/bootstrap/secure/"):
        path = f"{folder}{known_gateway}".encode()
        assert await status_of(bootstrap_api, path, b"Thing k" + value) in (400, 403)


@few
@given(external_id=path_bytes | percent_encoded)
@example(external_id=b"%FF")
@example(external_id=b"%00")
@example(external_id=b"\xff")
@example(external_id="ü".encode())
@example(external_id=b"%")
@example(external_id=b"..")
@example(external_id=b"%ED%A0%80")
@example(external_id=b"x" * 5000)
async def test_no_external_id_is_too_odd(bootstrap_api: Api, external_id: bytes) -> None:
    for folder in (b"/things/bootstrap/", b"/things/bootstrap/secure/"):
        assert 400 <= await status_of(bootstrap_api, folder + external_id, b"Thing key") < 500


@few
@given(value=percent_encoded | path_bytes)
@example(value=b"%0A")
@example(value=b"%FF")
@example(value=b"%00")
@example(value=b"\xff")
async def test_no_filter_is_too_odd(bootstrap_api: Api, alice: User, value: bytes) -> None:
    for name in (b"name", b"external_id", b"thing_id", b"thing_key", b"state", b"offset"):
        path = b"/things/configs?" + name + b"=" + value
        assert await status_of(bootstrap_api, path, f"Bearer {alice.token}".encode()) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ids = st.sampled_from(["", "nope", "\0", "6a5b6d4c-3155-434e-94cb-54750519efab"]) | st.text(
    max_size=10
)
members = st.fixed_dictionaries(
    {},
    optional={
        "external_id": st.text(max_size=1100) | json_values,
        "external_key": st.text() | json_values,
        "thing_id": ids | json_values,
        "channels": st.lists(ids, max_size=3) | json_values,
        "name": st.text() | json_values,
        "content": st.text() | json_values,
        "client_key": st.text() | json_values,
        "state": st.integers() | json_values,
    },
)
bodies = (members | json_values).map(lambda value: json.dumps(value).encode()) | st.binary()


@few
@given(body=bodies)
@example(body=b'{"external_id":"\\ud800","external_key":"k"}')
@example(body=b'{"external_id":"a","external_key":"\\udfff"}')
@example(body=b'{"state":1e400}')
@example(body=b'{"channels":["\\ud800"]}')
async def test_no_body_is_too_odd(platform: Platform, alice: User, body: bytes) -> None:
    thing_id = await platform.added(alice)
    headers = alice.headers | {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/things/configs"),
        ("PUT", f"/things/configs/{thing_id}"),
        ("PATCH", f"/things/configs/certs/{thing_id}"),
        ("PUT", f"/things/configs/connections/{thing_id}"),
        ("PUT", f"/things/state/{thing_id}"),
    ):
        answer = await platform.api.client.request(
            method, path, data=BytesIO(body), headers=headers
        )
        assert answer.status < 500, (method, path)


@few
@given(thing_id=path_bytes | percent_encoded)
async def test_no_thing_id_is_too_odd(bootstrap_api: Api, alice: User, thing_id: bytes) -> None:
    authorization = f"Bearer {alice.token}".encode()

    for folder in (b"/things/configs/", b"/things/configs/connections/", b"/things/state/"):
        assert 400 <= await status_of(bootstrap_api, folder + thing_id, authorization) < 500
