"""`supermq-cli health`: every service in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.codes import OK, UNREACHABLE
from cli.commanding import Command, calls
from cli.shown import Rows, Shown
from cli.views import HEALTH

if TYPE_CHECKING:
    from cli.session import Session

_SERVICES = ("users", "things", "bootstrap", "provision", "certs", "http_adapter")


@click.command(cls=Command, examples=("health", "health users things --output json"))
@click.argument("services", nargs=-1, type=click.Choice(_SERVICES))
@calls
async def health(session: Session, services: tuple[str, ...]) -> Shown:
    """Ask every service how it is, or those that are named.

    The exit code is 6 if one of them does not answer.
    """
    import asyncio

    asked = services or _SERVICES
    rows = await asyncio.gather(*(_row(session, service) for service in asked))
    down = any(row["status"] != "pass" for row in rows)
    return Rows(HEALTH, list(rows), code=UNREACHABLE if down else OK)


async def _row(session: Session, service: str) -> dict[str, Any]:
    from shared.errors import DomainError

    row: dict[str, Any] = {"service": service, "address": session.platform.addresses.of(service)}
    try:
        told = await session.platform.health(service)
    except DomainError:
        return {**row, "status": "unreachable"}
    return {
        **row,
        "status": told.status,
        "version": told.version,
        "instance_id": told.instance_id,
    }
