"""Mappings: what one call sets up for a gateway."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from shared.contracts.common import Name
from shared.contracts.events import Event
from shared.contracts.things import ChannelBody, ThingBody


class MappingBody(Struct, frozen=True, kw_only=True):
    """The gateway's label, and a name for its thing if not the layout's."""

    external_id: str = ""
    external_key: str = ""
    name: Name = ""


class MappingAnswerBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything the mapping made.

    Attributes:
        whitelisted: Thing ids that are connected and may fetch at once.
        client_cert: PEM by thing id.
        client_key: PEM by thing id.
        ca_cert: PEM of the issuer.
    """

    things: list[ThingBody]
    channels: list[ChannelBody]
    whitelisted: dict[str, bool] = {}
    client_cert: dict[str, str] = {}
    client_key: dict[str, str] = {}
    ca_cert: str = ""


class MappingActive(Event, frozen=True, kw_only=True):
    """A gateway is set up."""

    subject = "events.provision.mapping.active"

    mapping_id: UUID
    owner_id: UUID
    external_id: str


class MappingUndone(Event, frozen=True, kw_only=True):
    """A mapping was refused or given up, and all of it was taken back."""

    subject = "events.provision.mapping.undone"

    mapping_id: UUID
    owner_id: UUID
    external_id: str
