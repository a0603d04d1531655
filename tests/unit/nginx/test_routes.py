"""The table of what goes where, against the routes that the services have."""

import re
from collections.abc import Iterator

import pytest
from aiohttp import web

from deploy.embedded.front_door import TEMPLATES, USUAL_PORTS
from docs.generate import SERVICES
from shared.http.operation import PLAIN
from shared.settings import load_settings

ROUTES = (TEMPLATES / "routes.conf.template").read_text()
OF_EVERY_SERVICE = {"/health", "/ready", "/metrics", "/openapi.json", "/docs"}
ID = "71db4bb0-591e-4f76-b766-b39ced9fc6b8"


def table(variable: str) -> list[tuple[str, str]]:
    """The rows of one of nginx's maps: regular expression and value."""
    found = re.search(rf"^map .* \{variable} \{{\n(.*?)^\}}", ROUTES, re.MULTILINE | re.DOTALL)
    assert found is not None
    rows = re.findall(r'^    "~(.*)" (\S+);$', found[1], re.MULTILINE)
    assert rows
    return [(pattern.replace("(?<", "(?P<"), value) for pattern, value in rows]


def look_up(rows: list[tuple[str, str]], text: str, default: str) -> str:
    """What nginx makes of a text: the value of the first expression that is found in it."""
    for pattern, value in rows:
        if match := re.search(pattern, text):
            return str(match[value[1:]]) if value.startswith("$") else value
    return default


def routes() -> Iterator[tuple[str, str, bool]]:
    """Every route of every service: service, a path, and whether it is internal."""
    for service, kind, create_app in SERVICES:
        app: web.Application = create_app(load_settings(kind, service=service, environment={}))
        for route in app.router.routes():
            assert route.resource is not None
            path = re.sub(r"\{[^{}]+\}", ID, route.resource.canonical)
            operation = getattr(route.handler, "__operation__", PLAIN)
            yield service, path, operation.is_internal


def test_every_public_route_of_a_service_is_reached_and_no_internal_one() -> None:
    services, targets, internal = table("$service"), table("$target"), table("$is_internal")
    wrong = []
    for service, path, is_internal in routes():
        if path in OF_EVERY_SERVICE:
            continue
        # Both services have these; the proxy tells them apart by a prefix.
        asked = f"/{service}{path}" if path.startswith("/policies") else path
        reached = look_up(services, asked, "")
        if look_up(internal, asked, "0") == "1":
            reached = ""
        if is_internal and reached:
            wrong.append(f"{path} of {service} is internal and reached")
        if not is_internal and reached != service:
            wrong.append(f"{path} of {service} is sent to {reached or 'nobody'}")
        if not is_internal and look_up(targets, asked, asked) != path:
            wrong.append(f"{asked} asks {service} for {look_up(targets, asked, asked)}")
    assert "\n".join(wrong) == ""


def test_every_service_that_is_named_has_an_address() -> None:
    named = {value for _, value in table("$service") if not value.startswith("$")}

    assert named == set(USUAL_PORTS)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/internal/tokens/exchange",
        "/internal/x%2f..%2f..%2fthings",
        "/metrics",
        "/ready",
        "/openapi.json",
        "/authorize",
        "/policies",
        "//things",
        "/thingsandmore",
        "/certsabc",
        "/channelsx/1/messages",
        "/health/",
        "/http/things",
    ],
)
def test_what_is_not_in_the_table_goes_nowhere(path: str) -> None:
    assert look_up(table("$service"), path, "") == ""


@pytest.mark.parametrize(
    ("path", "service", "target"),
    [
        ("/health/things", "things", "/health"),
        ("/health/things?x", "things", "/health"),
        ("/things/bootstrap/a%2Fb%20c", "bootstrap", "/things/bootstrap/a%2Fb%20c"),
        ("/things/bootstrap/secure/x?y", "bootstrap", "/things/bootstrap/secure/x?y"),
        ("/things/bootstrap/presence", "bootstrap", "/things/bootstrap/presence"),
        ("/things/1/presence?x", "mqtt_auth", "/things/1/presence?x"),
        ("/things?limit=5&name=x", "things", "/things?limit=5&name=x"),
        ("/things/policies?limit=5", "things", "/policies?limit=5"),
        ("/users/policies/a/b", "users", "/policies/a/b"),
        ("/channels/1/messages/a/b?x", "http_adapter", "/channels/1/messages/a/b?x"),
        ("/http/channels/1/messages", "http_adapter", "/channels/1/messages"),
        ("/channels/1/things/2", "things", "/channels/1/things/2"),
        ("/.well-known/jwks.json", "users", "/.well-known/jwks.json"),
        ("/crl", "certs", "/crl"),
    ],
)
def test_where_a_path_goes(path: str, service: str, target: str) -> None:
    assert look_up(table("$service"), path, "") == service
    assert look_up(table("$target"), path, path) == target
