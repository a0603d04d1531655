"""Lines of requests are written together, and none stays behind."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from shared.http.access_log import AccessLog
from tests.waiting import eventually


@pytest.fixture
def log() -> AccessLog:
    return AccessLog()


def written(capture: pytest.CaptureFixture[bytes]) -> list[int]:
    return [json.loads(line)["number"] for line in capture.readouterr().out.splitlines()]


async def test_lines_are_written_soon_and_in_order(
    log: AccessLog, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for number in range(3):
        log.add({"number": number})
    at_once = written(capsysbinary)

    async def lines() -> list[int]:
        return written(capsysbinary)

    assert at_once == []
    assert await eventually(lines, what="lines") == [0, 1, 2]


async def test_many_lines_are_not_kept_waiting(
    log: AccessLog, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for number in range(501):
        log.add({"number": number})

    assert written(capsysbinary) == list(range(500))


async def test_the_last_lines_are_written_when_the_application_ends(
    log: AccessLog, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    app = web.Application()
    app.cleanup_ctx.append(log.flushed_at_end)
    runner = web.AppRunner(app)
    await runner.setup()
    log.add({"number": 1})
    await runner.cleanup()

    assert written(capsysbinary) == [1]
