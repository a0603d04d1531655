"""Things made one by one from a file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cli.bulk.rows import Column, Row
from cli.bulk.running import Outcome
from shared.contracts.things import CreateThingBody, ThingBody, ThingCredentialsInput
from shared.errors import Conflict, NotFound

if TYPE_CHECKING:
    from cli.bulk.results import Results
    from cli.session import Session


class ThingsJob:
    """Makes a thing for each row, once: its id is made of the run and the row."""

    name = "things create"
    columns = (
        Column("name"),
        Column("id", unique=True),
        Column("key", unique=True),
        Column("tags"),
        Column("metadata"),
    )
    secrets = frozenset({"key"})

    def __init__(self, session: Session) -> None:
        self._session = session

    def key(self, row: Row) -> str:
        """The number; nothing else has to differ."""
        return str(row.number)

    def complain(self, row: Row) -> list[str]:
        """Ids and metadata that are none."""
        complaints = []
        if not _is_id(row.values.get("id")):
            complaints.append(f"row {row.number}, column id: not a UUID in small letters")
        if not isinstance(_json(row.values.get("metadata", "{}")), dict):
            complaints.append(f"row {row.number}, column metadata: not a JSON object")
        return complaints

    async def do(self, row: Row, results: Results) -> Outcome:
        """Make the thing, or find the one that an earlier try has made."""
        thing_id = UUID(row.values.get("id") or str(_id_of(results.head.run, row.number)))
        things = self._session.platform.things
        key = row.values.get("key", "")
        wanted = CreateThingBody(
            id=str(thing_id),
            name=row.values.get("name", ""),
            tags=_tags(row.values.get("tags", "")),
            metadata=_json(row.values.get("metadata", "{}")),
            credentials=ThingCredentialsInput(key) if key else None,
        )
        try:
            made = await things.create_thing(await self._session.token(), wanted)
        except Conflict:
            found = await self._find(thing_id)
            if found is None or found.name != wanted.name:
                raise
            return Outcome(is_new=False, things=[str(found.id)], secret=found.key)
        return Outcome(is_new=True, things=[str(made.id)], secret=made.key)

    async def _find(self, thing_id: UUID) -> ThingBody | None:
        try:
            return await self._session.platform.things.view_thing(
                await self._session.token(), thing_id
            )
        except NotFound:
            return None


def _id_of(run: UUID, row: int) -> UUID:
    return UUID(bytes=hashlib.sha256(f"{run}/{row}".encode()).digest()[:16], version=4)


def _is_id(text: str | None) -> bool:
    if text is None:
        return True
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _tags(text: str) -> list[str]:
    if text.startswith("["):
        found = _json(text)
        if isinstance(found, list):
            return [str(tag) for tag in found]
    return [tag.strip() for tag in text.split(";") if tag.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
