"""Wire types into what the rules work with; several generations' words become one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web

from services.things.domain import (
    ACTIONS,
    ChannelDraft,
    ChannelNotFound,
    Family,
    Filter,
    Pairs,
    PolicyFilter,
    SetConnection,
    SetDraft,
    ThingDraft,
    ThingNotFound,
    canonical_id,
)
from shared.contracts.common import Status, StatusFilter
from shared.contracts.things import (
    BULK_ITEMS,
    CONNECT_PAIRS,
    ActionsBody,
    ChannelsQuery,
    ConnectBody,
    CreateChannelBody,
    CreateThingBody,
    EntitySetBody,
    PoliciesQuery,
)
from shared.errors import InvalidInput, NotFound
from shared.http.body import path_uuid, read_json
from shared.http.paging import unquoted
from shared.http.problems import TooLarge
from shared.metadata import metadata_filter, metadata_object

_NAME_BYTES = 1024
_SECRET_BYTES = 4096


def thing_draft(body: CreateThingBody) -> ThingDraft:
    """A new thing as its client describes it."""
    secret = body.credentials.secret if body.credentials else ""
    if body.key and secret and body.key != secret:
        raise InvalidInput("key and credentials.secret differ")
    return ThingDraft(
        id=canonical_id(body.id) if body.id else None,
        owner=body.owner,
        name=name_of(body.name),
        tags=body.tags or [],
        secret=secret_of(secret or body.key),
        metadata=metadata_object(body.metadata) or {},
        status=_status(body.status),
    )


def channel_draft(body: CreateChannelBody) -> ChannelDraft:
    """A new channel as its client describes it."""
    if not body.name:
        raise InvalidInput("invalid name size")
    return ChannelDraft(
        id=canonical_id(body.id) if body.id else None,
        parent_id=canonical_id(body.parent_id) if body.parent_id else None,
        name=name_of(body.name),
        description=body.description,
        metadata=metadata_object(body.metadata) or {},
        status=_status(body.status),
    )


def set_draft(body: EntitySetBody) -> SetDraft:
    """A mapping's set as its maker describes it."""
    return SetDraft(
        things=[
            ThingDraft(
                id=thing.id,
                name=name_of(thing.name),
                tags=thing.tags,
                secret=secret_of(thing.secret),
                metadata=metadata_object(thing.metadata) or {},
            )
            for thing in body.things
        ],
        channels=[
            ChannelDraft(
                id=channel.id,
                name=name_of(channel.name),
                metadata=metadata_object(channel.metadata) or {},
            )
            for channel in body.channels
        ],
        connections=[
            SetConnection(
                thing_id=connection.thing_id,
                channel_id=connection.channel_id,
                actions=connection.actions,
            )
            for connection in body.connections
        ],
    )


def require_bulk(items: Sequence[object]) -> None:
    """Refuse an empty list, and one longer than a request may carry."""
    if not items:
        raise InvalidInput("empty list provided")
    if len(items) > BULK_ITEMS:
        raise TooLarge(f"more than {BULK_ITEMS} items")


def pairs_of(body: ConnectBody) -> Pairs:
    """Which things and channels are meant, without repeats.

    Raises:
        InvalidInput: A list is missing or empty, or has an empty id.
        TooLarge: More pairs than one request may carry.
    """
    pairs = Pairs(
        thing_ids=_ids(body.thing_ids or body.subjects or body.client_ids, ThingNotFound),
        channel_ids=_ids(body.channel_ids or body.objects or body.group_ids, ChannelNotFound),
    )
    if pairs.count > CONNECT_PAIRS:
        raise TooLarge(f"more than {CONNECT_PAIRS} pairs")
    return pairs


def path_pair(request: web.Request) -> Pairs:
    """The thing and the channel of the path."""
    return Pairs(
        thing_ids=[path_uuid(request, "thing_id")], channel_ids=[path_uuid(request, "channel_id")]
    )


async def read_actions(request: web.Request) -> list[str] | None:
    """The actions of a body that need not be there."""
    if not request.body_exists or request.content_length == 0:
        return None
    return (await read_json(request, ActionsBody)).actions


def filter_of(*, status: StatusFilter, metadata: str, name: str = "", tag: str = "") -> Filter:
    """Which entities a list is asked for; enabled ones unless said otherwise."""
    return Filter(
        name=unquoted(name) or None,
        tag=tag or None,
        metadata=metadata_filter(metadata),
        status=None if status == "all" else Status(status or Status.ENABLED),
    )


def family_of(query: ChannelsQuery) -> Family | None:
    """Whose relatives are asked for, if anybody's."""
    if not query.parent_id:
        return None
    return Family(
        channel_id=canonical_id(query.parent_id),
        levels=query.level,
        is_upwards=query.dir in ("0", "1"),
    )


def policy_filter(query: PoliciesQuery) -> PolicyFilter:
    """Which policies a list is asked for; two generations' words for subject and object."""
    subject, channel = query.client or query.subject, query.group or query.object
    if query.action and query.action not in ACTIONS:
        raise InvalidInput("invalid policy action")
    return PolicyFilter(
        subject_id=canonical_id(subject) if subject else None,
        channel_id=canonical_id(channel) if channel else None,
        action=query.action or None,
    )


def named_id(text: str, unknown: type[NotFound]) -> UUID:
    """An id in a body; what cannot be one belongs to nothing."""
    (found,) = _ids([text], unknown)
    return found


def require_thing_type(text: str) -> None:
    """Refuse to decide about other entities than things."""
    if text not in ("", "thing"):
        raise InvalidInput("invalid entity type")


def name_of(text: str) -> str:
    """A display name; raises InvalidInput if it is too long."""
    if len(text.encode()) > _NAME_BYTES:
        raise InvalidInput("invalid name size")
    return text


def secret_of(text: str) -> str:
    """A secret chosen by a client; raises InvalidInput if it is too long."""
    if len(text.encode()) > _SECRET_BYTES:
        raise InvalidInput("invalid secret size")
    return text


def _status(text: str) -> Status:
    if not text:
        return Status.ENABLED
    try:
        return Status(text)
    except ValueError:
        raise InvalidInput("invalid status") from None


def _ids(texts: list[str] | None, unknown: type[NotFound]) -> list[UUID]:
    if not texts:
        raise InvalidInput("empty list provided")
    if not all(texts):
        raise InvalidInput("missing entity id")
    try:
        return [UUID(text) for text in dict.fromkeys(texts)]
    except ValueError:
        raise unknown from None
