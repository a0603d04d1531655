"""Gateways set up one by one from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.bulk.rows import Column, Row
from cli.bulk.running import Outcome
from shared.contracts.provision import MappingBody

if TYPE_CHECKING:
    from cli.bulk.results import Results
    from cli.session import Session


class GatewaysJob:
    """Maps a gateway for each row; provision itself sees to it that none is mapped twice."""

    name = "provision mapping"
    columns = (
        Column("external_id", required=True, unique=True),
        Column("external_key", required=True),
        Column("name"),
        Column("layout"),
    )
    secrets = frozenset({"external_key"})

    def __init__(self, session: Session, layout: str) -> None:
        self._session = session
        self._layout = layout

    def key(self, row: Row) -> str:
        """The external id."""
        return row.values["external_id"]

    def complain(self, row: Row) -> list[str]:
        """Nothing that is not said already."""
        return []

    async def do(self, row: Row, results: Results) -> Outcome:
        """Map the gateway."""
        values = {"layout": self._layout, **row.values}
        mapped = await self._session.platform.provision.map_gateway(
            await self._session.token(), MappingBody(**values)
        )
        return Outcome(
            is_new=not mapped.is_replay,
            things=[str(thing.id) for thing in mapped.answer.things],
            channels=[str(channel.id) for channel in mapped.answer.channels],
        )
