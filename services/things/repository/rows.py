"""Rows into entities, and entities into the arrays that `unnest` makes rows of again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.things.domain import (
    Channel,
    Connection,
    IdTaken,
    IdWithdrawn,
    SecretTaken,
    Thing,
)
from services.things.repository.secrets import ThingSecrets
from shared.contracts.common import Status
from shared.errors import Conflict

Row = asyncpg.Record


def thing_of(row: Row, secrets: ThingSecrets) -> Thing:
    """A row of things."""
    return Thing(
        id=row["id"],
        owner_id=row["owner_id"],
        name=row["name"],
        tags=row["tags"],
        secret=secrets.open(row["id"], row["secret"]),
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
        status=Status(row["status"]),
    )


def channel_of(row: Row) -> Channel:
    """A row of channels."""
    return Channel(
        id=row["id"],
        owner_id=row["owner_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        description=row["description"],
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
        status=Status(row["status"]),
    )


def connection_of(row: Row, thing_id: UUID) -> Connection:
    """A row of connections."""
    return Connection(
        thing_id=thing_id,
        channel_id=row["channel_id"],
        owner_id=row["owner_id"],
        actions=row["actions"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )


def thing_arrays(things: Sequence[Thing], secrets: ThingSecrets) -> tuple[list[Any], ...]:
    """Ids, names, tags, sealed secrets, fingerprints, metadata, creation times, statuses."""
    return (
        [thing.id for thing in things],
        [thing.name for thing in things],
        [array_text(thing.tags) for thing in things],
        [secrets.seal(thing.id, thing.secret) for thing in things],
        [secrets.fingerprint(thing.secret) for thing in things],
        [thing.metadata for thing in things],
        [thing.created_at for thing in things],
        [thing.status for thing in things],
    )


def channel_arrays(channels: Sequence[Channel]) -> tuple[list[Any], ...]:
    """Ids, parents, names, descriptions, metadata, creation times, statuses."""
    return (
        [channel.id for channel in channels],
        [channel.parent_id for channel in channels],
        [channel.name for channel in channels],
        [channel.description for channel in channels],
        [channel.metadata for channel in channels],
        [channel.created_at for channel in channels],
        [channel.status for channel in channels],
    )


def array_text(members: Sequence[object]) -> str:
    """An array as a member of another: PostgreSQL's arrays of arrays are rectangular, texts not."""
    return "{" + ",".join([_quoted(str(member)) for member in members]) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def taken(error: asyncpg.UniqueViolationError) -> Conflict:
    """Which of a new entity's values another one has, or may not be used again."""
    match error.constraint_name:
        case "things_secret_taken":
            return SecretTaken()
        case "withdrawn_ids_pkey":
            return IdWithdrawn()
        case _:
            return IdTaken()
