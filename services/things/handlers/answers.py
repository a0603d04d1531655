"""Entities into wire types."""

from __future__ import annotations

from uuid import UUID

from services.things.domain import Channel, Connection, SetState, Share, Thing
from shared.clock import timestamp
from shared.contracts.things import (
    ChannelBody,
    PolicyBody,
    SetConnection,
    SetStateBody,
    SetThingState,
    ThingBody,
    ThingCredentialsBody,
)


def thing_body(thing: Thing, *, with_owner: bool = True) -> ThingBody:
    """A thing as answers show it; `key` is the first clients' word for the secret."""
    created_at, updated_at = _times(thing)
    return ThingBody(
        id=thing.id,
        name=thing.name,
        tags=thing.tags,
        owner=thing.owner_id if with_owner else None,
        credentials=ThingCredentialsBody(thing.secret),
        key=thing.secret,
        metadata=thing.metadata,
        created_at=created_at,
        updated_at=updated_at,
        updated_by=thing.updated_by,
        status=thing.status,
    )


def channel_body(channel: Channel) -> ChannelBody:
    """A channel as answers show it."""
    created_at, updated_at = _times(channel)
    return ChannelBody(
        id=channel.id,
        owner_id=channel.owner_id,
        parent_id=channel.parent_id,
        name=channel.name,
        description=channel.description,
        metadata=channel.metadata,
        level=channel.level,
        path=channel.path,
        children=[],
        created_at=created_at,
        updated_at=updated_at,
        updated_by=channel.updated_by,
        status=channel.status,
    )


def channel_bodies(channels: list[Channel], *, as_tree: bool) -> list[ChannelBody]:
    """The channels of a page, on request those whose parent is there too inside it."""
    bodies = [channel_body(channel) for channel in channels]
    if not as_tree:
        return bodies
    by_id = {body.id: body for body in bodies}
    roots = []
    for body in bodies:
        parent = by_id.get(body.parent_id) if body.parent_id else None
        if parent is None or _is_inside(parent, body, by_id):
            roots.append(body)
        else:
            parent.children.append(body)
    return roots


def policy_body(policy: Connection | Share) -> PolicyBody:
    """A connection or a share as answers show it."""
    created_at, updated_at = _times(policy)
    return PolicyBody(
        owner_id=policy.owner_id,
        subject=policy.thing_id if isinstance(policy, Connection) else policy.user_id,
        object=policy.channel_id,
        actions=policy.actions,
        created_at=created_at,
        updated_at=updated_at,
        updated_by=policy.updated_by,
    )


def set_state_body(state: SetState) -> SetStateBody:
    """What there is of a set, for the mapping service."""
    return SetStateBody(
        created_at=timestamp(state.created_at),
        things=[
            SetThingState(id=thing.id, secret=thing.secret, status=thing.status)
            for thing in state.things
        ],
        channels=state.channel_ids,
        foreign_connections=[
            SetConnection(
                thing_id=connection.thing_id,
                channel_id=connection.channel_id,
                actions=connection.actions,
            )
            for connection in state.foreign_connections
        ],
    )


def _times(entity: Thing | Channel | Connection | Share) -> tuple[str, str]:
    """When it was made and changed; in a list, most were not changed since."""
    created_at = timestamp(entity.created_at)
    if entity.updated_at == entity.created_at:
        return created_at, created_at
    return created_at, timestamp(entity.updated_at)


def _is_inside(channel: ChannelBody, other: ChannelBody, by_id: dict[UUID, ChannelBody]) -> bool:
    """Whether a channel is the other or below it: parents made together may form a ring."""
    seen: set[UUID] = set()
    current: ChannelBody | None = channel
    while current is not None and current.id not in seen:
        if current.id == other.id:
            return True
        seen.add(current.id)
        current = by_id.get(current.parent_id) if current.parent_id else None
    return False
