"""Things, channels, the connections between them, and the ways in which a rule refuses."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.contracts.common import JsonObject, Status
from shared.errors import Conflict, InvalidInput, NotFound

ACTIONS = frozenset(
    {
        "g_add",
        "g_delete",
        "g_update",
        "g_list",
        "c_delete",
        "c_update",
        "c_list",
        "c_share",
        "m_write",
        "m_read",
    }
)


class Thing(Struct, frozen=True, kw_only=True):
    """A device identity.

    Attributes:
        secret: What the device presents; empty for those who may not see it.
    """

    id: UUID
    owner_id: UUID
    name: str
    tags: list[str]
    secret: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    status: Status


class Channel(Struct, frozen=True, kw_only=True):
    """A group in which connected things talk.

    Attributes:
        level: How far below the channel whose family is listed; negative above it.
        path: Ids from that channel down to this one, joined by dots.
    """

    id: UUID
    owner_id: UUID
    parent_id: UUID | None
    name: str
    description: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    status: Status
    level: int = 0
    path: str = ""


class DeviceChannel(Struct, frozen=True, kw_only=True):
    """A channel that a device is connected to."""

    id: UUID
    actions: list[str]
    enabled: bool


class Device(Struct, frozen=True, kw_only=True):
    """An enabled thing as a messaging adapter sees it."""

    thing_id: UUID
    channels: list[DeviceChannel]


class Share(Struct, frozen=True, kw_only=True):
    """What a user may do with another user's channel and the things in it.

    Attributes:
        owner_id: Who shared it first.
    """

    user_id: UUID
    channel_id: UUID
    owner_id: UUID
    actions: list[str]
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None


class Connection(Struct, frozen=True, kw_only=True):
    """What a thing may do in a channel.

    Attributes:
        owner_id: Who connected them first.
    """

    thing_id: UUID
    channel_id: UUID
    owner_id: UUID
    actions: list[str]
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None


class ThingDraft(Struct, frozen=True, kw_only=True):
    """A thing to be made.

    Attributes:
        id: Chosen by the client, None to have one made.
        owner: As the client wrote it; counts for admins only.
        secret: Chosen by the client, empty to have one made.
    """

    id: UUID | None = None
    owner: str = ""
    name: str = ""
    tags: list[str] = []
    secret: str = ""
    metadata: JsonObject = {}
    status: Status = Status.ENABLED


class ChannelDraft(Struct, frozen=True, kw_only=True):
    """A channel to be made.

    Attributes:
        id: Chosen by the client, None to have one made.
    """

    id: UUID | None = None
    parent_id: UUID | None = None
    name: str
    description: str = ""
    metadata: JsonObject = {}
    status: Status = Status.ENABLED


class ThingChange(Struct, frozen=True, kw_only=True):
    """What to change in a thing; None stays as it is."""

    name: str | None = None
    tags: list[str] | None = None
    metadata: JsonObject | None = None

    @property
    def members(self) -> list[str]:
        """Names of what is given."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class ChannelChange(Struct, frozen=True, kw_only=True):
    """What to change in a channel; None stays as it is."""

    name: str | None = None
    description: str | None = None
    metadata: JsonObject | None = None

    @property
    def members(self) -> list[str]:
        """Names of what is given."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class Pairs(Struct, frozen=True, kw_only=True):
    """Every one of these things with every one of these channels."""

    thing_ids: list[UUID]
    channel_ids: list[UUID]

    @property
    def all(self) -> list[tuple[UUID, UUID]]:
        """The pairs, things outer."""
        return [(thing, channel) for thing in self.thing_ids for channel in self.channel_ids]

    @property
    def count(self) -> int:
        """How many pairs that makes."""
        return len(self.thing_ids) * len(self.channel_ids)


class Owners(Struct, frozen=True, kw_only=True):
    """Whose the things and channels are; what is unknown is not in it."""

    things: dict[UUID, UUID]
    channels: dict[UUID, UUID]


class Reach(Struct, frozen=True):
    """Which part of all entities a list may show: all of them if nothing is said.

    Attributes:
        owner_id: Those of this user.
        shared_with: Those of others that are shared with this user.
    """

    owner_id: UUID | None = None
    shared_with: UUID | None = None


class Filter(Struct, frozen=True, kw_only=True):
    """Which entities of a list are wanted; None does not restrict it."""

    name: str | None = None
    tag: str | None = None
    metadata: JsonObject | None = None
    status: Status | None = Status.ENABLED

    @property
    def statuses(self) -> list[Status]:
        """Each status that is wanted."""
        return [self.status] if self.status else list(Status)

    @property
    def is_by_status_alone(self) -> bool:
        """Whether nothing but a status restricts the list."""
        return (
            self.status is not None
            and self.name is None
            and self.tag is None
            and self.metadata is None
        )


class Family(Struct, frozen=True, kw_only=True):
    """Which relatives of a channel are wanted, with itself.

    Attributes:
        levels: How far away they may be.
        is_upwards: Its parents instead of its children.
    """

    channel_id: UUID
    levels: int
    is_upwards: bool


class PolicyFilter(Struct, frozen=True, kw_only=True):
    """Which connections and shares are wanted; None does not restrict the list."""

    owner_id: UUID | None = None
    subject_id: UUID | None = None
    channel_id: UUID | None = None
    action: str | None = None


class SetConnection(Struct, frozen=True, kw_only=True):
    """A connection to be made between a thing and a channel of one set."""

    thing_id: UUID
    channel_id: UUID
    actions: tuple[str, ...]


class SetDraft(Struct, frozen=True, kw_only=True):
    """What a mapping is to consist of, all ids and secrets chosen by its maker."""

    things: list[ThingDraft]
    channels: list[ChannelDraft]
    connections: list[SetConnection]


class EntitySet(Struct, frozen=True, kw_only=True):
    """What a mapping consists of."""

    mapping_id: UUID
    owner_id: UUID
    created_at: datetime
    things: list[Thing]
    channels: list[Channel]
    connections: list[Connection]


class SetState(Struct, frozen=True, kw_only=True):
    """What there is of a set now, as far as it is still its owner's.

    Attributes:
        created_at: When the set was made.
        foreign_connections: Between entities of the set and entities outside it.
    """

    created_at: datetime
    things: list[Thing]
    channel_ids: list[UUID]
    foreign_connections: list[SetConnection]


class Withdrawal(Struct, frozen=True, kw_only=True):
    """What is to be gone of one mapping's set, whether or not it was made."""

    mapping_id: UUID
    thing_ids: list[UUID]
    channel_ids: list[UUID]


class SetClaim(Struct, frozen=True, kw_only=True):
    """The row that says that a mapping's set was made, or withdrawn."""

    owner_id: UUID
    created_at: datetime
    is_withdrawn: bool


class ThingNotFound(NotFound):
    """No such thing, or not one for this caller."""

    code = "thing_not_found"


class ChannelNotFound(NotFound):
    """No such channel, or not one for this caller."""

    code = "channel_not_found"


class NotConnected(NotFound):
    """At least one of the pairs is not connected."""

    code = "not_connected"

    def __init__(self) -> None:
        super().__init__("thing and channel are not connected")


class PolicyNotFound(NotFound):
    """The subject has no policy on the object."""

    code = "policy_not_found"


class UserNotFound(NotFound):
    """No such user."""

    code = "user_not_found"


class IdTaken(Conflict):
    """Another entity has this id."""

    code = "id_taken"

    def __init__(self) -> None:
        super().__init__("id already in use")


class SecretTaken(Conflict):
    """Another thing has this secret."""

    code = "secret_taken"

    def __init__(self) -> None:
        super().__init__("secret already in use")


class IdWithdrawn(Conflict):
    """A set or an entity was withdrawn and will not be made any more."""

    code = "id_withdrawn"

    def __init__(self) -> None:
        super().__init__("id was withdrawn")


class SetOwnedByAnother(Conflict):
    """The mapping id belongs to another user's set."""

    code = "mapping_id_taken"

    def __init__(self) -> None:
        super().__init__("mapping id already in use")


class UnknownParent(InvalidInput):
    """The parent is not a channel of the caller."""

    code = "unknown_parent"

    def __init__(self) -> None:
        super().__init__("unknown parent channel")


class InvalidId(InvalidInput):
    """Not a UUID in its canonical form."""

    code = "invalid_id"

    def __init__(self) -> None:
        super().__init__("invalid id format provided")


def canonical_id(text: str) -> UUID:
    """Read an id.

    Raises:
        InvalidId: Not a UUID in its canonical, lower-case form.
    """
    try:
        value = UUID(text)
    except ValueError:
        raise InvalidId from None
    if str(value) != text:
        raise InvalidId
    return value


def checked_actions(
    given: list[str] | tuple[str, ...] | None, default: tuple[str, ...]
) -> list[str]:
    """The actions without repeats, the default ones if none are given.

    Raises:
        InvalidInput: One that does not exist.
    """
    actions = list(dict.fromkeys(given or default))
    if not ACTIONS.issuperset(actions):
        raise InvalidInput("invalid policy action")
    return actions


def with_implied(actions: list[str]) -> list[str]:
    """What a user gets who is given these actions: who may do anything may look at it too."""
    implied = []
    if any(action.startswith("c_") for action in actions):
        implied.append("c_list")
    if any(action.startswith(("c_", "g_")) for action in actions):
        implied.append("g_list")
    return list(dict.fromkeys([*actions, *implied]))
