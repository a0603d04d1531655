"""Things, channels and grants with defaults."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from services.things.domain import Channel, Thing
from shared.contracts.common import Status

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def make_thing(**changed: Any) -> Thing:
    """A thing, with some members as wanted."""
    members: dict[str, Any] = {
        "id": uuid4(),
        "owner_id": uuid4(),
        "name": "thing",
        "tags": [],
        "secret": "secret",
        "metadata": {},
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "updated_by": None,
        "status": Status.ENABLED,
    }
    return Thing(**(members | changed))


def make_channel(**changed: Any) -> Channel:
    """A channel, with some members as wanted."""
    members: dict[str, Any] = {
        "id": uuid4(),
        "owner_id": uuid4(),
        "parent_id": None,
        "name": "channel",
        "description": "",
        "metadata": {},
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "updated_by": None,
        "status": Status.ENABLED,
    }
    return Channel(**(members | changed))


class NoGrants:
    """Nothing is shared with anybody."""

    async def find_thing_actions(
        self, user_id: UUID, thing_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        return {}

    async def find_channel_actions(
        self, user_id: UUID, channel_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        return {}
