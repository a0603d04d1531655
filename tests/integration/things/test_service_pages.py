"""What every service answers about itself."""

from __future__ import annotations

from openapi_spec_validator import validate

from tests.integration.things.api import ThingsApi
from tests.waiting import eventually


async def test_health_has_the_documented_shape(things_api: ThingsApi) -> None:
    answer = await things_api.call("GET", "/health")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/health+json")
    assert (answer.body["status"], answer.body["description"]) == ("pass", "things service")


async def test_the_service_becomes_ready(things_api: ThingsApi) -> None:
    async def is_ready() -> bool:
        answer = await things_api.call("GET", "/ready")
        return answer.status == 200 and set(answer.body["checks"].values()) == {"up"}

    await eventually(is_ready, what="readiness")

    checks = (await things_api.call("GET", "/ready")).body["checks"]
    assert set(checks) >= {"postgres", "nats", "users", "redis"}


async def test_the_description_is_valid_and_leaves_internal_routes_out(
    things_api: ThingsApi,
) -> None:
    answer = await things_api.call("GET", "/openapi.json")

    validate(answer.body)
    assert "/things/{thing_id}/secret" in answer.body["paths"]
    assert not [path for path in answer.body["paths"] if "internal" in path]
    connect = answer.body["paths"]["/channels/{channel_id}/things/{thing_id}"]["put"]
    assert connect["requestBody"]["required"] is False


async def test_the_description_is_shown_as_a_page(things_api: ThingsApi) -> None:
    async with things_api.client.get("/docs") as response:
        page = await response.text()

    assert response.status == 200
    assert "/things/bulk" in page


async def test_paths_and_methods_that_do_not_exist_are_refused(things_api: ThingsApi) -> None:
    for method, path, status in (
        ("GET", "/unknown", 404),
        ("GET", "/things/", 404),
        ("DELETE", "/things", 405),
        ("GET", "/identify", 405),
        ("POST", "/health", 405),
    ):
        answer = await things_api.call(method, path)

        assert answer.status == status, path
        assert set(answer.body) >= {"error", "message"}
