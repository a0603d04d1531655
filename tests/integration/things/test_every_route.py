"""What holds for each route, whatever it does."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from shared.http.operation import PLAIN, Access, Operation
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.things.api import ThingsApi


def routes(api: ThingsApi) -> Iterator[tuple[str, str, Operation]]:
    """Method, a path, and the promise of each route of the service."""
    for route in api.client.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        for name in ("thing_id", "channel_id", "mapping_id", "subject", "object"):
            path = path.replace(f"{{{name}}}", str(UUID(int=1)))
        promise: Operation = getattr(route.handler, "__operation__", PLAIN)
        if route.method != "HEAD":
            yield route.method, path, promise


async def test_no_route_lets_anybody_in_without_a_good_token(
    things_api: ThingsApi, users_stand_in: UsersStandIn, alice: User
) -> None:
    refresh = users_stand_in.token(alice.id, kind="refresh")
    closed = [
        (method, path)
        for method, path, promise in routes(things_api)
        if promise.access in (Access.USER, Access.SERVICE, Access.DEVICE)
    ]

    assert len(closed) > 30
    for method, path in closed:
        for token in ("", "Bearer", "Bearer x.y.z", f"Bearer {refresh}", "Basic YTpi"):
            headers = {"Authorization": token} if token else {}
            answer = await things_api.call(method, path, None, {}, headers=headers)

            assert answer.outcome == (401, "unauthenticated"), (method, path, token)


async def test_users_do_not_get_into_routes_of_services(
    things_api: ThingsApi, alice: User, admin: User
) -> None:
    for method, path, promise in routes(things_api):
        if promise.access is Access.SERVICE:
            for user in (alice, admin):
                answer = await things_api.call(method, path, user, {})

                assert answer.outcome == (403, "forbidden"), (method, path)


async def test_each_body_is_json_of_the_right_type(things_api: ThingsApi, alice: User) -> None:
    reading = [
        (method, path)
        for method, path, promise in routes(things_api)
        if promise.access is Access.USER and promise.body is not None
    ]

    assert len(reading) > 15
    for method, path in reading:
        plain = await things_api.call(
            method, path, alice, {}, headers={"Content-Type": "text/plain"}
        )
        broken = await things_api.call(method, path, alice, data=b'{"name": ')
        wrong = await things_api.call(method, path, alice, 7)

        assert plain.outcome == (415, "unsupported_content_type"), (method, path)
        assert broken.outcome == (400, "invalid_input"), (method, path)
        assert wrong.outcome == (400, "invalid_input"), (method, path)
