"""Services acting for a user read what is his, one entity for one token."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


def acting_for(users: UsersStandIn, user: User, scope: str, service: str = "bootstrap") -> User:
    return User(user.id, users.token(user.id, kind="service", service=service, scope=scope))


async def test_bootstrap_reads_a_thing_with_its_secret(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    thing = await things_api.make_thing(alice, key="secret", status="disabled")
    service = acting_for(users_stand_in, alice, f"thing-secret:{thing['id']}")

    answer = await things_api.call("GET", f"/internal/things/{thing['id']}", service)

    assert (answer.status, answer.body) == (200, thing)
    assert answer.body["credentials"] == {"secret": "secret"}


async def test_bootstrap_reads_a_channel(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    channel = await things_api.make_channel(alice, metadata={"a": 1})
    service = acting_for(users_stand_in, alice, f"channel:{channel['id']}")

    answer = await things_api.call("GET", f"/internal/channels/{channel['id']}", service)

    assert (answer.status, answer.body) == (200, channel)


@pytest.mark.parametrize(("kind", "scope"), [("things", "thing-secret"), ("channels", "channel")])
async def test_a_service_reads_only_what_its_token_was_made_for(
    things_api: ThingsApi,
    users_stand_in: UsersStandIn,
    alice: User,
    bob: User,
    admin: User,
    kind: str,
    scope: str,
) -> None:
    entities = {
        "things": await things_api.make_thing(alice),
        "channels": await things_api.make_channel(alice),
    }
    entity_id, unknown = entities[kind]["id"], str(uuid4())
    wanted = f"{scope}:{entity_id}"

    for caller, asked_id, status in (
        (alice, entity_id, 403),
        (admin, entity_id, 403),
        (acting_for(users_stand_in, alice, f"{scope}:{unknown}"), entity_id, 403),
        (acting_for(users_stand_in, alice, f"mapping:{entity_id}"), entity_id, 403),
        (acting_for(users_stand_in, alice, wanted, "provision"), entity_id, 403),
        (acting_for(users_stand_in, bob, wanted), entity_id, 404),
        (acting_for(users_stand_in, alice, f"{scope}:{unknown}"), unknown, 404),
        (None, entity_id, 401),
    ):
        answer = await things_api.call("GET", f"/internal/{kind}/{asked_id}", caller)

        assert answer.status == status


async def test_a_service_token_is_no_users_token(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    thing = await things_api.make_thing(alice)
    service = acting_for(users_stand_in, alice, f"thing-secret:{thing['id']}")

    answer = await things_api.call("GET", f"/things/{thing['id']}", service)

    assert answer.status == 403
