"""How the stand-in asks for its configuration, seen from the other end of the wire."""

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpServer

from tests.agent.agent import Refused, fetch


async def test_fetch_sends_the_encoded_id_and_the_key_and_no_content_type(
    aiohttp_server: AiohttpServer,
) -> None:
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=b"{}")

    application = web.Application()
    application.router.add_get("/things/bootstrap/{external_id}", answer)
    server = await aiohttp_server(application)

    body = await fetch(str(server.make_url("/things/bootstrap")), "33:52/1", "223334fw2")

    assert body == b"{}"
    assert seen[0].raw_path == "/things/bootstrap/33%3A52%2F1"
    assert seen[0].headers["Authorization"] == "Thing 223334fw2"
    assert "Content-Type" not in seen[0].headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
async def test_fetch_refuses_every_error_status(aiohttp_server: AiohttpServer, status: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    application = web.Application()
    application.router.add_get("/{external_id}", answer)
    server = await aiohttp_server(application)

    with pytest.raises(Refused, match=str(status)):
        await fetch(str(server.make_url("/")), "gateway", "external_key")
