"""What things tells: ids and names of changed members, never values."""

from __future__ import annotations

from uuid import UUID

from shared.contracts.events import Event


class ThingCreated(Event, frozen=True, kw_only=True):
    """Things were made, by one call."""

    subject = "events.things.thing.created"

    owner_id: UUID
    thing_ids: list[UUID]


class ThingUpdated(Event, frozen=True, kw_only=True):
    """Members of a thing changed."""

    subject = "events.things.thing.updated"

    thing_id: UUID
    members: list[str]


class ThingEnabled(Event, frozen=True, kw_only=True):
    """A thing takes part again."""

    subject = "events.things.thing.enabled"

    thing_id: UUID


class ThingDisabled(Event, frozen=True, kw_only=True):
    """A thing no longer takes part."""

    subject = "events.things.thing.disabled"

    thing_id: UUID


class ThingDeleted(Event, frozen=True, kw_only=True):
    """Things are gone, by one call."""

    subject = "events.things.thing.deleted"

    thing_ids: list[UUID]


class ThingSecretChanged(Event, frozen=True, kw_only=True):
    """A thing has another secret."""

    subject = "events.things.thing.secret_changed"

    thing_id: UUID


class ThingOwnerChanged(Event, frozen=True, kw_only=True):
    """A thing belongs to another user."""

    subject = "events.things.thing.owner_changed"

    thing_id: UUID
    owner_id: UUID


class ChannelCreated(Event, frozen=True, kw_only=True):
    """Channels were made, by one call."""

    subject = "events.things.channel.created"

    owner_id: UUID
    channel_ids: list[UUID]


class ChannelUpdated(Event, frozen=True, kw_only=True):
    """Members of a channel changed."""

    subject = "events.things.channel.updated"

    channel_id: UUID
    members: list[str]


class ChannelEnabled(Event, frozen=True, kw_only=True):
    """A channel takes part again."""

    subject = "events.things.channel.enabled"

    channel_id: UUID


class ChannelDisabled(Event, frozen=True, kw_only=True):
    """A channel no longer takes part."""

    subject = "events.things.channel.disabled"

    channel_id: UUID


class ChannelDeleted(Event, frozen=True, kw_only=True):
    """Channels are gone, by one call."""

    subject = "events.things.channel.deleted"

    channel_ids: list[UUID]


class ConnectionCreated(Event, frozen=True, kw_only=True):
    """Things were connected to channels, by one call."""

    subject = "events.things.connection.created"

    thing_ids: list[UUID]
    channel_ids: list[UUID]


class ConnectionUpdated(Event, frozen=True, kw_only=True):
    """What connected things may do in channels changed, by one call."""

    subject = "events.things.connection.updated"

    thing_ids: list[UUID]
    channel_ids: list[UUID]


class ConnectionDeleted(Event, frozen=True, kw_only=True):
    """Things were disconnected from channels, by one call."""

    subject = "events.things.connection.deleted"

    thing_ids: list[UUID]
    channel_ids: list[UUID]


class PolicyCreated(Event, frozen=True, kw_only=True):
    """A channel was shared with a user."""

    subject = "events.things.policy.created"

    user_id: UUID
    channel_id: UUID


class PolicyUpdated(Event, frozen=True, kw_only=True):
    """What a user may do with a shared channel changed."""

    subject = "events.things.policy.updated"

    user_id: UUID
    channel_id: UUID


class PolicyDeleted(Event, frozen=True, kw_only=True):
    """A channel is no longer shared with a user."""

    subject = "events.things.policy.deleted"

    user_id: UUID
    channel_id: UUID


class SetApplied(Event, frozen=True, kw_only=True):
    """Things, channels and their connections were made as one set."""

    subject = "events.things.set.applied"

    mapping_id: UUID
    owner_id: UUID
    thing_ids: list[UUID]
    channel_ids: list[UUID]
