"""Each command, typed as its help shows it, asks a service and hears the answer."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from cli import views
from cli.commanding import Command
from cli.views import View
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_help import LEAVES

THING = "9dd12d93-21c9-4147-92fe-769386efb6cc"
# Those that ask no service, or have tests of their own because they ask several.
APART = ("login", "logout", "profiles", "completion", "health", "provision lint")
# Files that examples name.
FILES = (
    *("key.txt", "password.txt", "new-password.txt", "refresh-token.txt", "reading.json"),
    *("content.json", "thing.crt", "thing.key", "thing.csr", "ca.crt"),
)
# Those in which a person is asked for a secret.
ASKING = ("users secret", "users reset", f"things secret {THING}")
EXAMPLES = [
    example
    for path, command in LEAVES.items()
    if isinstance(command, Command) and not path.startswith(APART)
    for example in command.examples
    if example not in ASKING
    and not any(word in example for word in ("--from", " <", "--encrypt-key-file"))
]
LISTS = {
    path: command.examples[0]
    for path, command in LEAVES.items()
    if isinstance(command, Command) and any(each.name == "everything" for each in command.params)
}


class Service:
    """Answers everything in one way, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""
        self.has_nothing = True

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        if self.has_nothing:
            return web.json_response({"error": "", "message": "nothing here"}, status=404)
        members: dict[str, list[str]] = {
            view.members: [] for view in vars(views).values() if isinstance(view, View)
        }
        page = {"total": 0, "offset": 0, "limit": 10, "serials": [], **members}
        return web.json_response(page)


@pytest.fixture
async def service(aiohttp_server: AiohttpServer, tmp_path: Path) -> Service:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    server: TestServer = await aiohttp_server(app)
    service.url = str(server.make_url("")).rstrip("/")
    make_files(tmp_path)
    return service


def make_files(folder: Path) -> None:
    for name in FILES:
        (folder / name).write_text("{}\n")


def words_of(example: str, service: Service) -> list[str]:
    words = shlex.split(example.partition(" >")[0])
    return [*words, "--url", service.url, "--token", "token"]


@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_example_asks_and_tells_that_there_is_nothing(
    example: str, service: Service, cli: Cli
) -> None:
    ran = await asyncio.to_thread(cli, *words_of(example, service))

    assert (ran.code, ran.printed) == (4, "")
    assert ran.complained.endswith("error: nothing here\n")
    assert len(service.asked) == 1


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_of_nothing_is_shown_as_one(path: str, service: Service, cli: Cli) -> None:
    service.has_nothing = False

    words = words_of(LISTS[path], service)
    ran = await asyncio.to_thread(cli, *words, "--output", "json")

    assert ran.code == 0
    assert '"total": 0' in ran.printed
