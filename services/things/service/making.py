"""Drafts into entities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.things.domain import Channel, ChannelDraft, Thing, ThingDraft
from shared.ids import new_secret

_APART = timedelta(microseconds=1)


def made_things(
    drafts: Sequence[ThingDraft], owner_id: UUID, moment: datetime, new_id: Callable[[], UUID]
) -> list[Thing]:
    """Things of one owner, made a microsecond apart so that lists keep their order."""
    return [
        Thing(
            id=draft.id or new_id(),
            owner_id=owner_id,
            name=draft.name,
            tags=draft.tags,
            secret=draft.secret or new_secret(),
            metadata=draft.metadata,
            created_at=made_at,
            updated_at=made_at,
            updated_by=None,
            status=draft.status,
        )
        for draft, made_at in zip(drafts, _moments(moment), strict=False)
    ]


def made_channels(
    drafts: Sequence[ChannelDraft], owner_id: UUID, moment: datetime, new_id: Callable[[], UUID]
) -> list[Channel]:
    """Channels of one owner, made a microsecond apart so that lists keep their order."""
    return [
        Channel(
            id=draft.id or new_id(),
            owner_id=owner_id,
            parent_id=draft.parent_id,
            name=draft.name,
            description=draft.description,
            metadata=draft.metadata,
            created_at=made_at,
            updated_at=made_at,
            updated_by=None,
            status=draft.status,
        )
        for draft, made_at in zip(drafts, _moments(moment), strict=False)
    ]


def _moments(first: datetime) -> Iterator[datetime]:
    while True:
        yield first
        first += _APART
