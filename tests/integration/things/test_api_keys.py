"""An API key is good for what its scopes say."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


def key_of(users: UsersStandIn, user: User, *scopes: str) -> User:
    return User(user.id, users.key(user.id, *scopes))


ROUTES = [
    ("POST", "/things", "things:write"),
    ("POST", "/things/bulk", "things:write"),
    ("GET", "/things", "things:read"),
    ("GET", "/things/{thing}", "things:read"),
    ("PATCH", "/things/{thing}", "things:write"),
    ("PUT", "/things/{thing}", "things:write"),
    ("PATCH", "/things/{thing}/tags", "things:write"),
    ("PATCH", "/things/{thing}/secret", "things:write"),
    ("PATCH", "/things/{thing}/key", "things:write"),
    ("PATCH", "/things/{thing}/owner", "things:write"),
    ("POST", "/things/{thing}/enable", "things:write"),
    ("POST", "/things/{thing}/disable", "things:write"),
    ("DELETE", "/things/{thing}", "things:write"),
    ("GET", "/things/{thing}/channels", "channels:read"),
    ("POST", "/channels", "channels:write"),
    ("POST", "/channels/bulk", "channels:write"),
    ("GET", "/channels", "channels:read"),
    ("GET", "/channels/{channel}", "channels:read"),
    ("PUT", "/channels/{channel}", "channels:write"),
    ("PATCH", "/channels/{channel}", "channels:write"),
    ("POST", "/channels/{channel}/enable", "channels:write"),
    ("POST", "/channels/{channel}/disable", "channels:write"),
    ("DELETE", "/channels/{channel}", "channels:write"),
    ("GET", "/channels/{channel}/things", "channels:read"),
    ("PUT", "/channels/{channel}/things/{thing}", "channels:write"),
    ("POST", "/channels/{channel}/things/{thing}", "channels:write"),
    ("DELETE", "/channels/{channel}/things/{thing}", "channels:write"),
    ("POST", "/connect", "channels:write"),
    ("POST", "/disconnect", "channels:write"),
    ("PUT", "/disconnect", "channels:write"),
    ("POST", "/policies", "channels:write"),
    ("PUT", "/policies", "channels:write"),
    ("GET", "/policies", "channels:read"),
    ("DELETE", "/policies/{thing}/{channel}", "channels:write"),
]
SCOPES = ("things:read", "things:write", "channels:read", "channels:write")


async def test_each_route_needs_its_scope(
    things_api: ThingsApi, users_stand_in: UsersStandIn, admin: User
) -> None:
    # To an admin nothing is forbidden, except by the scopes of his key.
    holders = {scope: key_of(users_stand_in, admin, scope) for scope in SCOPES}
    unknown = str(uuid4())

    for method, path, needed in ROUTES:
        target = path.replace("{thing}", unknown).replace("{channel}", unknown)
        refused = {
            scope
            for scope, holder in holders.items()
            if (await things_api.call(method, target, holder)).status == 403
        }

        assert refused == set(SCOPES) - {needed}, (method, path)


@pytest.mark.parametrize(
    ("scopes", "is_shown"),
    [
        (("things:read", "channels:read"), False),
        (("things:read", "things:write", "channels:read"), True),
        (("things:*", "channels:*"), True),
    ],
)
async def test_a_key_sees_secrets_only_if_it_may_write_things(
    things_api: ThingsApi,
    users_stand_in: UsersStandIn,
    alice: User,
    scopes: tuple[str, ...],
    is_shown: bool,
) -> None:
    thing, channel = await things_api.connected_pair(alice)
    key = key_of(users_stand_in, alice, *scopes)

    one = (await things_api.call("GET", f"/things/{thing['id']}", key)).body
    (listed,) = (await things_api.call("GET", "/things", key)).body["things"]
    path = f"/channels/{channel['id']}/things"
    (connected,) = (await things_api.call("GET", path, key)).body["things"]

    for shown in (one, listed, connected):
        assert shown["credentials"] == ({"secret": thing["key"]} if is_shown else {})
        assert ("key" in shown) is is_shown


async def test_a_key_makes_connects_and_identifies_nothing_beyond_its_scopes(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    nothing = key_of(users_stand_in, alice, "bootstrap:*", "provision:*")

    answers = [
        await things_api.call("GET", "/things", nothing),
        await things_api.call("POST", "/things", nothing, {}),
        await things_api.call("GET", f"/internal/things/{uuid4()}", nothing),
    ]

    assert [answer.status for answer in answers] == [403, 403, 403]
