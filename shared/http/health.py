"""`/health` in the documented shape, `/ready` with what the service needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from aiohttp import web
from msgspec import Struct

from shared.http.operation import Access, operation
from shared.http.responses import json_response

VERSION = version("supermq-provisioning")
_CHECK_SECONDS = 2.0


class Check(Struct, frozen=True):
    """One thing a service leans on.

    Attributes:
        name: As shown in the answer.
        probe: Fails or answers False when it is not there.
        is_required: Whether the service is of no use without it.
    """

    name: str
    probe: Callable[[], Awaitable[bool]]
    is_required: bool = True


CHECKS: web.AppKey[list[Check]] = web.AppKey("checks", list[Check])


class HealthBody(Struct, frozen=True):
    """The service's state for load balancers."""

    status: str
    version: str
    commit: str
    description: str
    build_time: str
    instance_id: str


class ReadyBody(Struct, frozen=True):
    """Whether requests may be sent here, and how each dependency fares."""

    status: str
    checks: dict[str, str]


def health_handler(service: str, instance_id: str) -> Any:
    """Make the handler of `GET /health`."""
    body = HealthBody(
        status="pass",
        version=VERSION,
        commit=os.environ.get("SMQ_COMMIT", "unknown"),
        description=f"{service} service",
        build_time=os.environ.get("SMQ_BUILD_TIME", "unknown"),
        instance_id=instance_id,
    )

    @operation(access=Access.PUBLIC, answer=HealthBody)
    async def show_health(request: web.Request) -> web.Response:
        """Tell that the process lives."""
        answer = json_response(body)
        answer.content_type = "application/health+json"
        return answer

    return show_health


@operation(access=Access.PUBLIC, answer=ReadyBody, errors=(503,))
async def show_readiness(request: web.Request) -> web.Response:
    """Tell whether requests may be sent here."""
    held = await results(request.app[CHECKS])
    ready = all(up or not check.is_required for check, up in held.items())
    body = ReadyBody(
        status="ready" if ready else "not ready",
        checks={check.name: "up" if up else "down" for check, up in held.items()},
    )
    return json_response(body, status=200 if ready else 503)


async def results(checks: list[Check]) -> dict[Check, bool]:
    """How each check goes at present."""
    held = await asyncio.gather(*(_holds(check) for check in checks))
    return dict(zip(checks, held, strict=True))


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check.probe()
    except Exception:
        return False
