"""Who is connected, as users are told; and what devices meet while something is down."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from deploy.embedded.servers import NatsServer
from services.mqtt_auth.app import create_app
from services.mqtt_auth.settings import MqttAuthSettings
from shared.clock import utc_now
from shared.settings import SettingsError, load_settings
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.bootstrap.platform import Faults
from tests.integration.messages.conftest import StartAdapter, StartAuth
from tests.integration.messages.devices import MqttRefused, mqtt, nats_device
from tests.integration.messages.plane import Plane, Thing
from tests.waiting import eventually


async def until_connected(plane: Plane, thing: Thing) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        seen = await plane.presence(thing)
        return seen if seen["connected"] else None

    return await eventually(look)


async def until_gone(plane: Plane, thing: Thing) -> None:
    async def look() -> bool:
        return await plane.presence(thing) == {"thing_id": thing.id, "connected": False}

    await eventually(look)


async def test_presence_says_since_when_and_how(plane: Plane) -> None:
    thing, _ = await plane.connected_thing()
    await until_gone(plane, thing)
    before = utc_now()

    async with mqtt(plane.nats, thing, transport="websockets"):
        seen = await until_connected(plane, thing)
    await until_gone(plane, thing)
    async with nats_device(plane.nats, thing):
        later = await until_connected(plane, thing)

    assert (seen["thing_id"], seen["protocol"]) == (thing.id, "mqtt")
    assert before <= datetime.fromisoformat(seen["since"]) <= utc_now()
    assert later["protocol"] == "nats"
    assert later["since"] > seen["since"]


async def test_the_longest_of_several_connections_counts(plane: Plane) -> None:
    thing, _ = await plane.connected_thing()

    async with mqtt(plane.nats, thing):
        first = await until_connected(plane, thing)
        async with nats_device(plane.nats, thing) as (client, _):
            await client.flush()
        assert await plane.presence(thing) == first


async def test_presence_is_for_those_who_see_the_thing(
    plane: Plane, bob: User, admin: User, users_stand_in: UsersStandIn
) -> None:
    thing, _ = await plane.connected_thing()
    path = f"/things/{thing.id}/presence"
    reading = users_stand_in.key(plane.user.id, "things:read")
    other = users_stand_in.key(plane.user.id, "provision:read")
    cases = (
        (path, plane.user.token, 200),
        (path, admin.token, 200),
        (path, bob.token, 404),
        (path, reading, 200),
        (path, other, 403),
        (path, "", 401),
        (path, thing.key, 401),
        (f"/things/{uuid4()}/presence", plane.user.token, 404),
        ("/things/gateway/presence", plane.user.token, 404),
    )

    for where, token, status in cases:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await plane.auth.get(where, headers=headers)
        assert answer.status == status, (where, token)


async def test_a_new_process_finds_out_who_is_there(plane: Plane, start_auth: StartAuth) -> None:
    thing, channel = await plane.connected_thing()

    async with mqtt(plane.nats, thing) as device:
        seen = await until_connected(plane, thing)
        await plane.until_followed()
        await plane.auth.close()
        second = await start_auth()

        answer = await second.get(f"/things/{thing.id}/presence", headers=plane.user.headers)
        assert await answer.json() == seen
        # It does not know where the device was let in, so any channel's change puts it out.
        await plane.change("POST", f"/channels/{channel}/disable")
        await device.until_ended()


async def test_without_anybody_to_decide_devices_are_refused(
    plane: Plane, start_auth: StartAuth
) -> None:
    thing, channel = await plane.connected_thing()

    async with mqtt(plane.nats, thing) as inside:
        await plane.until_followed()
        await plane.auth.close()
        with pytest.raises(MqttRefused):
            async with mqtt(plane.nats, thing, client_id=f"{thing.id}-2"):
                pass
        # Those who are in go on.
        await inside.publish(f"channels/{channel}/messages", b"x", 1)
        await start_auth()
        async with mqtt(plane.nats, thing, client_id=f"{thing.id}-2"):
            pass


async def test_while_things_is_down_devices_are_refused(plane: Plane, faults: Faults) -> None:
    thing, _ = await plane.connected_thing()

    faults.answer("POST /internal/devices", 503)
    with pytest.raises(MqttRefused):
        async with mqtt(plane.nats, thing):
            pass
    metrics = await (await plane.auth.get("/metrics")).text()
    faults.stop()

    assert 'device_logins_total{outcome="undecided"}' in metrics
    async with mqtt(plane.nats, thing):
        pass


@pytest.mark.parametrize("seed", ["", "SUABC", "a b"])
async def test_it_does_not_start_without_the_key_that_devices_are_let_in_with(seed: str) -> None:
    environment = {"SMQ_MQTT_AUTH_ISSUER_SEED": seed}
    app = create_app(load_settings(MqttAuthSettings, service="mqtt_auth", environment=environment))
    app.freeze()

    with pytest.raises(SettingsError, match="SMQ_MQTT_AUTH_ISSUER_SEED is not"):
        await app.startup()
    await app.cleanup()


async def test_a_broker_that_was_restarted_is_found_again(
    plane: Plane, start_adapter: StartAdapter, start_auth: StartAuth, tmp_path: Path
) -> None:
    thing, channel = await plane.connected_thing()
    path = f"/channels/{channel}/messages"
    headers = {"Authorization": f"Thing {thing.key}", "Content-Type": "application/json"}

    async with NatsServer(tmp_path / "nats") as own:
        adapter = await start_adapter(NATS_URL=own.devices_url)
        auth = await start_auth(
            NATS_URL=own.url,
            MQTT_AUTH_SYSTEM_NATS_URL=own.system_url,
            MQTT_AUTH_ISSUER_SEED=own.issuer_seed,
        )
        restarted = msgspec.structs.replace(plane, nats=own, adapter=adapter, auth=auth)

        async def is_taken() -> bool:
            return (await adapter.post(path, headers=headers)).status == 202

        async with mqtt(own, thing) as device:
            await until_connected(restarted, thing)
            assert await is_taken()
            await own.stop()
            assert (await adapter.post(path, headers=headers)).status == 503
            await own.start()
            await device.until_ended()
        await eventually(is_taken, within_seconds=30)
        await eventually(lambda: _is_let_in(own, thing), within_seconds=30)
        await until_gone(restarted, thing)


async def _is_let_in(nats_server: NatsServer, thing: Thing) -> bool:
    with suppress(MqttRefused):
        async with mqtt(nats_server, thing):
            return True
    return False
