"""Owners look after their configs."""

from __future__ import annotations

from io import BytesIO
from uuid import uuid4

import pytest

from shared.contracts.bootstrap import State
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config

CERTIFICATES = {"client_cert": "C2", "client_key": "K2", "ca_cert": "A2"}


async def test_an_owner_sees_his_config_in_both_generations_words(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    data, control = make_channel("data", "data"), make_channel("control", "control")
    config = await mappings.make(
        make_config(channels=[data, control], client_cert="C", client_key="K", ca_cert="A")
    )

    answer = await bootstrap_api.view(config.thing_id, alice)

    channels = [
        {"id": str(data.id), "name": "data", "metadata": {"type": "data"}},
        {"id": str(control.id), "name": "control", "metadata": {"type": "control"}},
    ]
    assert answer.status == 200
    assert await answer.json() == {
        "thing_id": str(config.thing_id),
        "thing_key": config.thing_secret,
        "channels": channels,
        "mainflux_id": str(config.thing_id),
        "mainflux_key": config.thing_secret,
        "mainflux_channels": channels,
        "external_id": config.external_id,
        "external_key": config.external_key,
        "name": "gateway",
        "content": '{"agent":{}}',
        "state": 1,
    }


async def test_empty_members_are_left_out_of_a_view_but_the_state_is_not(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make(make_config(name="", content="", state=State.INACTIVE))

    answer = await bootstrap_api.view(config.thing_id, alice)

    body = await answer.json()
    assert body["state"] == 0
    assert not body.keys() & {"name", "content", "channels", "mainflux_channels"}


async def test_nobody_else_finds_a_config_no_admin_either(
    bootstrap_api: Api, mappings: Mappings, bob: User, admin: User
) -> None:
    config = await mappings.make()

    for stranger in (bob, admin):
        path = f"/things/configs/{config.thing_id}"
        answers = [
            await bootstrap_api.view(config.thing_id, stranger),
            await bootstrap_api.client.put(path, json={"name": "x"}, headers=stranger.headers),
            await bootstrap_api.client.patch(
                f"/things/configs/certs/{config.thing_id}",
                json=CERTIFICATES,
                headers=stranger.headers,
            ),
            await bootstrap_api.client.delete(path, headers=stranger.headers),
        ]
        listed = await bootstrap_api.client.get("/things/configs", headers=stranger.headers)

        assert [answer.status for answer in answers] == [404] * 4
        assert (await answers[0].json())["message"] == "entity not found"
        assert (await listed.json())["total"] == 0
    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert (await fetched.json()).get("client_cert") is None


@pytest.mark.parametrize("thing_id", ["6a5b6d4c-3155-434e-94cb-54750519efab", "nope", "1", "%00"])
async def test_an_unknown_config_is_not_found(
    bootstrap_api: Api, alice: User, thing_id: str
) -> None:
    path = f"/things/configs/{thing_id}"
    certificates = f"/things/configs/certs/{thing_id}"
    client, headers = bootstrap_api.client, alice.headers

    answers = [
        await client.get(path, headers=headers),
        await client.put(path, json={}, headers=headers),
        await client.patch(certificates, json={}, headers=headers),
        await client.delete(path, headers=headers),
    ]

    assert [answer.status for answer in answers] == [404] * 4


async def test_without_a_good_token_every_call_is_unauthenticated(
    bootstrap_api: Api, mappings: Mappings, alice: User, users_stand_in: UsersStandIn
) -> None:
    config = await mappings.make()
    path = f"/things/configs/{config.thing_id}"
    expired = users_stand_in.token(alice.id, lifetime_seconds=-1)
    refresh = users_stand_in.token(alice.id, kind="refresh")

    for authorization in (None, "Bearer ", "Bearer nonsense", f"Bearer {expired}", refresh):
        headers = {} if authorization is None else {"Authorization": authorization}
        answers = [
            await bootstrap_api.client.get("/things/configs", headers=headers),
            await bootstrap_api.client.get(path, headers=headers),
            await bootstrap_api.client.put(path, json={}, headers=headers),
            await bootstrap_api.client.patch(
                f"/things/configs/certs/{config.thing_id}", json={}, headers=headers
            ),
            await bootstrap_api.client.delete(path, headers=headers),
        ]
        assert [answer.status for answer in answers] == [401] * 5, authorization


async def test_a_bare_token_is_accepted_as_the_first_clients_sent_it(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.client.get(
        f"/things/configs/{config.thing_id}", headers={"Authorization": alice.token}
    )

    assert answer.status == 200


async def test_update_replaces_name_and_content_and_answers_nothing(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.client.put(
        f"/things/configs/{config.thing_id}",
        json={"name": "New", "content": "new content"},
        headers=alice.headers,
    )

    body = await (await bootstrap_api.view(config.thing_id, alice)).json()
    assert answer.status == 200
    assert await answer.read() == b""
    assert (body["name"], body["content"]) == ("New", "new content")
    assert body["external_key"] == config.external_key


async def test_update_clears_what_is_missing(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make()

    await bootstrap_api.client.put(
        f"/things/configs/{config.thing_id}", json={"name": "New2"}, headers=alice.headers
    )

    body = await (await bootstrap_api.view(config.thing_id, alice)).json()
    assert body["name"] == "New2"
    assert "content" not in body


@pytest.mark.parametrize("call", ["put", "patch"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="broken JSON"),
        pytest.param(b"[]", "application/json", 400, id="no object"),
        pytest.param(b'{"name":1,"ca_cert":1}', "application/json", 400, id="wrong type"),
        pytest.param(b'{"name":"\\u0000","ca_cert":"\\u0000"}', "application/json", 400, id="NUL"),
        pytest.param(b'{"name":"\xff","ca_cert":"\xff"}', "application/json", 400, id="not UTF-8"),
        pytest.param(b"{}", "text/plain", 415, id="content type"),
        pytest.param(b"{}", "", 415, id="no content type"),
        pytest.param(b'"' + b"x" * (1 << 20) + b'"', "application/json", 413, id="too large"),
    ],
)
async def test_a_malformed_body_is_refused_and_changes_nothing(
    bootstrap_api: Api,
    mappings: Mappings,
    alice: User,
    call: str,
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    config = await mappings.make(make_config(client_cert="C"))
    folder = "/things/configs" if call == "put" else "/things/configs/certs"

    answer = await bootstrap_api.client.request(
        call,
        f"{folder}/{config.thing_id}",
        data=BytesIO(body),
        headers=alice.headers | {"Content-Type": content_type},
    )

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert answer.status == status
    assert (await fetched.json())["content"] == config.content
    assert (await fetched.json())["client_cert"] == "C"


async def test_a_content_type_with_parameters_is_fine(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.client.put(
        f"/things/configs/{config.thing_id}",
        data=b'{"name":"New","unknown":1}',
        headers=alice.headers | {"Content-Type": "application/json; charset=utf-8"},
    )

    assert answer.status == 200


async def test_update_of_certificates_replaces_all_three_and_shows_them(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make(make_config(client_cert="C", client_key="K", ca_cert="A"))

    answer = await bootstrap_api.client.patch(
        f"/things/configs/certs/{config.thing_id}", json=CERTIFICATES, headers=alice.headers
    )

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert answer.status == 200
    assert await answer.json() == {"thing_id": str(config.thing_id), **CERTIFICATES}
    assert (await fetched.json()).items() >= CERTIFICATES.items()


async def test_update_of_certificates_with_an_empty_object_clears_them(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make(make_config(client_cert="C", client_key="K", ca_cert="A"))

    answer = await bootstrap_api.client.patch(
        f"/things/configs/certs/{config.thing_id}", json={}, headers=alice.headers
    )

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert await answer.json() == {"thing_id": str(config.thing_id)}
    assert not (await fetched.json()).keys() & CERTIFICATES.keys()


async def test_a_removed_config_is_gone_for_its_owner_and_its_gateway(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make()
    path = f"/things/configs/{config.thing_id}"

    removed = await bootstrap_api.client.delete(path, headers=alice.headers)

    again = await bootstrap_api.client.delete(path, headers=alice.headers)
    viewed = await bootstrap_api.view(config.thing_id, alice)
    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert removed.status == 204
    assert [again.status, viewed.status, fetched.status] == [404, 404, 404]


async def test_the_external_id_of_a_removed_config_is_free(
    bootstrap_api: Api, mappings: Mappings, alice: User, bob: User
) -> None:
    config = await mappings.make()
    await bootstrap_api.client.delete(f"/things/configs/{config.thing_id}", headers=alice.headers)

    other = await mappings.make(make_config(external_id=config.external_id), owner=bob)

    fetched = await bootstrap_api.fetch(config.external_id, other.external_key)
    assert (await fetched.json())["thing_id"] == str(other.thing_id)


async def test_a_services_token_is_no_users_token(
    bootstrap_api: Api, mappings: Mappings, alice: User, users_stand_in: UsersStandIn
) -> None:
    config = await mappings.make()
    token = users_stand_in.token(alice.id, kind="service", service="provision", scope="mapping:x")

    answer = await bootstrap_api.client.get(
        f"/things/configs/{config.thing_id}", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status == 403


async def test_other_methods_are_not_allowed(bootstrap_api: Api, alice: User) -> None:
    answer = await bootstrap_api.client.post(
        f"/things/configs/{uuid4()}", json={}, headers=alice.headers
    )

    assert answer.status == 405
    assert "message" in await answer.json()
