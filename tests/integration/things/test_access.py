"""What adapters ask before a device may talk is answered from what is true now."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from services.things.app import create_app
from services.things.settings import ThingsSettings
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import Answer, ThingsApi
from tests.waiting import eventually


async def ask(
    things_api: ThingsApi, key: str, channel_id: str, action: str = "m_write", **members: Any
) -> Answer:
    body = {"subject": key, "action": action, "entity_type": "thing", **members}
    return await things_api.call("POST", f"/channels/{channel_id}/access", None, body)


@pytest.fixture
async def other_process(
    things_api: ThingsApi, things_settings: ThingsSettings, aiohttp_client: AiohttpClient
) -> ThingsApi:
    """A second instance on the same database; both listen for invalidations."""
    api = ThingsApi(await aiohttp_client(create_app(things_settings)))

    async def listens() -> bool:
        ready = [await each.call("GET", "/ready") for each in (api, things_api)]
        return all(answer.body["checks"]["redis"] == "up" for answer in ready)

    await eventually(listens, what="a listening cache")
    return api


async def test_a_connected_thing_may_do_what_its_connection_says(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.make_thing(alice), await things_api.make_channel(alice)
    path = f"/channels/{channel['id']}/things/{thing['id']}"
    await things_api.call("PUT", path, alice, {"actions": ["m_write"]})

    allowed = await ask(things_api, thing["key"], channel["id"])
    denied = await ask(things_api, thing["key"], channel["id"], "m_read")

    assert (allowed.status, allowed.body) == (200, {"thing_id": thing["id"], "authorized": True})
    assert (denied.status, denied.body["message"]) == (
        403,
        "failed to perform authorization over the entity",
    )


NOT_SO: list[tuple[str | None, str | None, dict[str, Any], int]] = [
    ("nope", None, {}, 403),
    ("", None, {}, 403),
    (None, "9dd12d93-21c9-4147-92fe-769386efb6cc", {}, 403),
    (None, "nope", {}, 404),
    (None, None, {"action": "bogus"}, 400),
    (None, None, {"action": "m_write' OR '1'='1"}, 400),
    (None, None, {"entity_type": "user"}, 400),
    (None, None, {"entity_type": ""}, 200),
    (None, None, {"subject": 1}, 400),
]


async def test_what_is_not_so_is_denied_and_what_makes_no_sense_is_refused(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)

    for key, channel_id, members, status in NOT_SO:
        wanted_key = thing["key"] if key is None else key
        answer = await ask(things_api, wanted_key, channel_id or channel["id"], **members)

        assert answer.status == status, (key, channel_id, members)


async def test_by_id_only_adapters_with_a_token_for_the_channel_may_ask(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User, admin: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    path = f"/channels/{channel['id']}/access/by-id"

    async def asked(user: User | None, thing_id: str, action: str = "m_read") -> Answer:
        return await things_api.call("POST", path, user, {"thing_id": thing_id, "action": action})

    def adapter(scope: str, service: str = "mqtt_auth") -> User:
        token = users_stand_in.token(alice.id, kind="service", service=service, scope=scope)
        return User(alice.id, token)

    scope = f"access:{channel['id']}"
    allowed = await asked(adapter(scope), thing["id"])
    assert (allowed.status, allowed.body) == (200, {"thing_id": thing["id"], "authorized": True})
    for caller, thing_id, action, status in (
        (adapter(scope), str(uuid4()), "m_read", 403),
        (adapter(scope), thing["id"], "g_add", 403),
        (adapter(scope), thing["id"], "bogus", 400),
        (adapter(f"access:{uuid4()}"), thing["id"], "m_read", 403),
        (adapter(scope, "provision"), thing["id"], "m_read", 403),
        (alice, thing["id"], "m_read", 403),
        (admin, thing["id"], "m_read", 403),
        (None, thing["id"], "m_read", 401),
    ):
        assert (await asked(caller, thing_id, action)).status == status
    await things_api.call("POST", f"/things/{thing['id']}/disable", alice)
    assert (await asked(adapter(scope), thing["id"])).status == 403


CHANGES = [
    ("PATCH", "/things/{thing}/secret", {"secret": "new"}),
    ("POST", "/things/{thing}/disable", None),
    ("DELETE", "/things/{thing}", None),
    ("POST", "/channels/{channel}/disable", None),
    ("DELETE", "/channels/{channel}", None),
    ("DELETE", "/channels/{channel}/things/{thing}", None),
    ("DELETE", "/policies/{thing}/{channel}", None),
    ("PUT", "/channels/{channel}/things/{thing}", {"actions": ["m_read"]}),
    ("PUT", "/policies", {"subject": "{thing}", "object": "{channel}", "actions": ["m_read"]}),
    ("POST", "/disconnect", {"thing_ids": ["{thing}"], "channel_ids": ["{channel}"]}),
]


async def test_a_device_that_lost_its_right_is_refused_at_once_and_by_push_elsewhere(
    things_api: ThingsApi, other_process: ThingsApi, alice: User
) -> None:
    for method, path, body in CHANGES:
        thing, channel = await things_api.connected_pair(alice)
        for api in (things_api, other_process):
            assert (await ask(api, thing["key"], channel["id"])).status == 200
        names = {"{thing}": thing["id"], "{channel}": channel["id"]}

        changed = await things_api.call(method, named(path, names), alice, named(body, names))

        assert changed.status in {200, 201, 204}
        assert (await ask(things_api, thing["key"], channel["id"])).status == 403

        async def is_known(key: str = thing["key"], channel_id: str = channel["id"]) -> bool:
            return (await ask(other_process, key, channel_id)).status == 403

        await eventually(is_known, within_seconds=30, what=f"{method} {path}")


def named(value: Any, names: dict[str, str]) -> Any:
    """A path or a body with ids in the places of their names."""
    if isinstance(value, dict):
        return {member: named(inner, names) for member, inner in value.items()}
    if isinstance(value, list):
        return [named(inner, names) for inner in value]
    if isinstance(value, str):
        for name, given in names.items():
            value = value.replace(name, given)
    return value


async def test_an_owners_change_leaves_the_connection_and_its_right(
    things_api: ThingsApi, alice: User, bob: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)

    await things_api.call("PATCH", f"/things/{thing['id']}/owner", alice, {"owner": str(bob.id)})

    assert (await ask(things_api, thing["key"], channel["id"])).status == 200
    path = f"/channels/{channel['id']}/things/{thing['id']}"
    assert (await things_api.call("DELETE", path, bob)).status == 204
    assert (await ask(things_api, thing["key"], channel["id"])).status == 403


async def test_an_enabled_thing_and_channel_may_talk_again(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)

    for path in (f"/things/{thing['id']}", f"/channels/{channel['id']}"):
        await things_api.call("POST", f"{path}/disable", alice)
        assert (await ask(things_api, thing["key"], channel["id"])).status == 403
        await things_api.call("POST", f"{path}/enable", alice)
        assert (await ask(things_api, thing["key"], channel["id"])).status == 200


@pytest.mark.parametrize("reborn", ["thing", "channel"])
async def test_a_new_entity_with_an_old_ones_id_does_not_get_its_rights(
    things_api: ThingsApi, alice: User, reborn: str
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    assert (await ask(things_api, thing["key"], channel["id"])).status == 200

    if reborn == "thing":
        await things_api.call("DELETE", f"/things/{thing['id']}", alice)
        await things_api.make_thing(alice, id=thing["id"], key=thing["key"])
    else:
        await things_api.call("DELETE", f"/channels/{channel['id']}", alice)
        await things_api.make_channel(alice, id=channel["id"])

    assert (await ask(things_api, thing["key"], channel["id"])).status == 403


async def test_what_a_crash_kept_from_being_told_is_forgotten_after_a_while(
    things_settings: ThingsSettings,
    things_database: Database,
    aiohttp_client: AiohttpClient,
    alice: User,
) -> None:

    settings = msgspec.structs.replace(
        things_settings, cache_key_duration=timedelta(milliseconds=300)
    )
    api = ThingsApi(await aiohttp_client(create_app(settings)))
    thing, channel = await api.connected_pair(alice)
    assert (await ask(api, thing["key"], channel["id"])).status == 200

    await things_database.execute("UPDATE things SET status = 'disabled'")

    async def is_known() -> bool:
        return (await ask(api, thing["key"], channel["id"])).status == 403

    await eventually(is_known, within_seconds=2, what="the change")


async def test_a_right_that_comes_and_goes_is_never_remembered_wrongly(
    things_api: ThingsApi, alice: User
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    path = f"/channels/{channel['id']}/things/{thing['id']}"
    is_over = asyncio.Event()

    async def keep_asking() -> None:
        while not is_over.is_set():
            await asyncio.gather(*(ask(things_api, thing["key"], channel["id"]) for _ in range(4)))

    asking = asyncio.create_task(keep_asking())
    for _ in range(10):
        await things_api.call("DELETE", path, alice)
        assert (await ask(things_api, thing["key"], channel["id"])).status == 403
        await things_api.call("PUT", path, alice)
        assert (await ask(things_api, thing["key"], channel["id"])).status == 200
    is_over.set()
    await asking
