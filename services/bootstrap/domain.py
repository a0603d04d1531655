"""Configs as the rules see them, and what can be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.contracts.bootstrap import State
from shared.contracts.common import JsonObject
from shared.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable

# An index entry of PostgreSQL holds no more than about 2,700 bytes.
EXTERNAL_ID_BYTES = 1024


class Channel(Struct, frozen=True, kw_only=True):
    """A copy of what a gateway needs to know of a channel.

    Attributes:
        seen_at: A moment before it was looked up; what happened earlier is in the copy already.
    """

    id: UUID
    name: str = ""
    metadata: JsonObject = {}
    seen_at: datetime | None = None


class Certificates(Struct, frozen=True, kw_only=True):
    """PEM texts, each empty if there is none."""

    client_cert: str = ""
    client_key: str = ""
    ca_cert: str = ""


class ConfigSummary(Struct, frozen=True, kw_only=True):
    """A config as lists show it.

    Attributes:
        thing_key: The thing's secret.
        external_id: Printed on the gateway; unique over all users.
        external_key: Printed beside it.
        content: Opaque; the gateway's Agent expects JSON text.
    """

    thing_id: UUID
    owner_id: UUID
    thing_key: str
    external_id: str
    external_key: str
    name: str = ""
    content: str = ""
    state: State


class Fetch(Struct, frozen=True, kw_only=True):
    """A gateway's attempt to get its config.

    Attributes:
        result: A word for the owner; `DELIVERED` if the gateway got it.
    """

    at: datetime
    address: str
    result: str


DELIVERED, REFUSED, KEPT_BACK = "delivered", "refused", "kept back"


class Config(ConfigSummary, frozen=True, kw_only=True):
    """All of a config; its channels stand in the order in which they were given."""

    channels: tuple[Channel, ...] = ()
    certificates: Certificates = Certificates()
    last_fetch: Fetch | None = None


class ConfigDraft(Struct, frozen=True, kw_only=True):
    """A config that a user adds.

    Attributes:
        thing_id: None to have a thing made for it.
    """

    thing_id: UUID | None
    external_id: str
    external_key: str
    channel_ids: tuple[UUID, ...] = ()
    name: str = ""
    content: str = ""
    certificates: Certificates = Certificates()


class Claim(Struct, frozen=True, kw_only=True):
    """A config that one change has for itself for a while.

    Attributes:
        id: Of the change.
        is_unsure: Whether a change before was given up, so that things may be connected otherwise
            than the state says.
        touched: Channels that such a change may have connected.
    """

    id: UUID
    thing_id: UUID
    state: State
    channels: tuple[Channel, ...]
    is_unsure: bool
    touched: tuple[UUID, ...]

    @property
    def channel_ids(self) -> list[UUID]:
        """Of the config."""
        return [channel.id for channel in self.channels]


class ConfigFilter(Struct, frozen=True, kw_only=True):
    """Which of an owner's configs are wanted; None does not narrow.

    Attributes:
        thing_id: Compared as an id; text that is none matches nothing.
        name_part: Found anywhere in the name, whatever the case of its letters.
    """

    state: State | None = None
    external_id: str | None = None
    thing_id: str | None = None
    thing_key: str | None = None
    name_part: str | None = None


class ConfigSet(Struct, frozen=True, kw_only=True):
    """What is known of a mapping's config.

    Attributes:
        has_config: Whether it is there; once it is gone, it does not come back.
    """

    owner_id: UUID
    has_config: bool


def gateway_order(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """The control channel, then the data channel, then the others as they were given.

    Agents take the first two by position and look at no others.
    """
    control = [channel for channel in channels if channel.metadata.get("type") == "control"][:1]
    data = [channel for channel in channels if channel.metadata.get("type") == "data"][:1]
    others = [channel for channel in channels if channel not in (*control, *data)]
    return (*control, *data, *others)


def distinct(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Each channel once, in the place where it was first given."""
    by_id: dict[UUID, Channel] = {}
    for channel in channels:
        by_id.setdefault(channel.id, channel)
    return tuple(by_id.values())


def require_label(external_id: str, external_key: str) -> None:
    """Refuse a config that could never be fetched; raises InvalidInput."""
    if not external_id:
        raise InvalidInput("missing entity id")
    if len(external_id.encode()) > EXTERNAL_ID_BYTES:
        raise InvalidInput(f"external id is longer than {EXTERNAL_ID_BYTES} bytes")
    if not external_key:
        raise InvalidInput("missing external key")


class ConfigNotFound(NotFound):
    """Unknown, or another user's."""

    code = "config_not_found"


class ThingNotVisible(NotFound):
    """The thing of a new config does not exist for the caller, or takes no part."""

    code = "thing_not_found"
    summary = "failed to find thing"

    def __init__(self) -> None:
        super().__init__("entity not found")


class ThingSecretHidden(Forbidden):
    """The caller may see the thing but not the secret that its gateway would get."""

    code = "thing_secret_hidden"

    def __init__(self) -> None:
        super().__init__("the thing's secret is not shown to the caller")


class ChannelsNotVisible(InvalidInput):
    """A channel does not exist for the caller, or takes no part."""

    code = "channels_not_found"
    summary = "failed to check channels connections"

    def __init__(self) -> None:
        super().__init__("malformed entity specification")


class ThingsUnavailable(Unavailable):
    """Things does not answer, or refuses what a change needs."""

    code = "things_unavailable"
    summary = "failed to receive response from Things service"


class GatewayUnknown(NotFound):
    """No config has this external id, or it is not handed out now."""

    code = "external_id_unknown"
    summary = "failed to read bootstrap configuration"

    def __init__(self) -> None:
        super().__init__("entity not found")


class ExternalKeyWrong(Forbidden):
    """The gateway presents another key than the config's."""

    code = "external_key_wrong"
    summary = "failed to get bootstrap configuration for given external key"


class SealedKeyUnreadable(Forbidden):
    """The gateway presents something else than hexadecimal digits."""

    code = "sealed_key_unreadable"
    summary = "failed to get bootstrap configuration for given encrypted external key"


class ExternalIdTaken(Conflict):
    """A config of this or another user has the external id."""

    code = "external_id_taken"

    def __init__(self) -> None:
        super().__init__("external id is taken")


class ThingHasConfig(Conflict):
    """A thing has one config at most."""

    code = "thing_has_config"

    def __init__(self) -> None:
        super().__init__("thing has a config already")


class ConfigWithdrawn(Conflict):
    """The mapping's config was withdrawn or removed, and does not come back."""

    code = "id_withdrawn"
    summary = "entity was withdrawn"


class MappingOfAnotherUser(Forbidden):
    """A service presents a mapping's id on behalf of a user whose mapping it is not."""

    code = "mapping_of_another_user"
