"""Between wire types and the domain's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

from services.bootstrap.domain import (
    Certificates,
    Channel,
    ChannelsNotVisible,
    Config,
    ConfigDraft,
    ConfigFilter,
    ConfigSummary,
    ThingNotVisible,
)
from shared.clock import timestamp
from shared.contracts.bootstrap import (
    AddConfigBody,
    ConfigBody,
    ConfigChannelBody,
    ConfigsQuery,
    DeviceConfigBody,
    FetchResult,
    LastFetchBody,
    SetConfigBody,
    State,
)
from shared.errors import DomainError
from shared.http.paging import unquoted


def config_from(body: SetConfigBody, owner_id: UUID) -> Config:
    """The config that a mapping asks for."""
    channels = [Channel(id=c.id, name=c.name, metadata=c.metadata) for c in body.channels]
    return Config(
        thing_id=body.thing_id,
        owner_id=owner_id,
        thing_key=body.thing_secret,
        external_id=body.external_id,
        external_key=body.external_key,
        name=body.name,
        content=body.content,
        state=body.state,
        channels=tuple(channels),
        certificates=Certificates(
            client_cert=body.client_cert, client_key=body.client_key, ca_cert=body.ca_cert
        ),
    )


def draft_from(body: AddConfigBody) -> ConfigDraft:
    """The config that a user adds; raises ThingNotVisible or ChannelsNotVisible."""
    return ConfigDraft(
        thing_id=_id(body.thing_id, ThingNotVisible) if body.thing_id else None,
        external_id=body.external_id,
        external_key=body.external_key,
        channel_ids=channel_ids_from(body.channels or []),
        name=body.name,
        content=body.content,
        certificates=Certificates(
            client_cert=body.client_cert, client_key=body.client_key, ca_cert=body.ca_cert
        ),
    )


def channel_ids_from(texts: Sequence[str]) -> tuple[UUID, ...]:
    """Each channel once, in the order given; raises ChannelsNotVisible for what is no id."""
    return tuple(dict.fromkeys(_id(text, ChannelsNotVisible) for text in texts))


def filter_from(query: ConfigsQuery) -> ConfigFilter:
    """An empty parameter is as good as none."""
    return ConfigFilter(
        state=State(int(query.state)) if query.state else None,
        external_id=query.external_id or None,
        thing_id=query.thing_id or None,
        thing_key=query.thing_key or None,
        name_part=unquoted(query.name) or None,
    )


def summary_body(config: ConfigSummary) -> ConfigBody:
    """A config without its channels, as lists show it."""
    return ConfigBody(
        thing_id=config.thing_id,
        thing_key=config.thing_key,
        mainflux_id=config.thing_id,
        mainflux_key=config.thing_key,
        external_id=config.external_id,
        external_key=config.external_key,
        name=config.name,
        content=config.content,
        state=config.state,
    )


def config_body(config: Config) -> ConfigBody:
    """A config as its owner sees it."""
    channels = _channel_bodies(config.channels)
    fetch = config.last_fetch
    return ConfigBody(
        thing_id=config.thing_id,
        thing_key=config.thing_key,
        channels=channels,
        mainflux_id=config.thing_id,
        mainflux_key=config.thing_key,
        mainflux_channels=channels,
        external_id=config.external_id,
        external_key=config.external_key,
        name=config.name,
        content=config.content,
        state=config.state,
        last_fetch=LastFetchBody(
            time=timestamp(fetch.at),
            address=fetch.address,
            result=cast("FetchResult", fetch.result),
        )
        if fetch is not None
        else None,
    )


def device_body(config: Config) -> DeviceConfigBody:
    """A config as a gateway of any generation reads it; what is empty is left out."""
    channels = _channel_bodies(config.channels)
    certificates = config.certificates
    return DeviceConfigBody(
        thing_id=config.thing_id,
        thing_key=config.thing_key,
        channels=channels,
        mainflux_id=config.thing_id,
        mainflux_key=config.thing_key,
        mainflux_channels=channels,
        client_id=config.thing_id,
        client_secret=config.thing_key,
        id=config.thing_id,
        content=config.content or None,
        client_cert=certificates.client_cert or None,
        client_key=certificates.client_key or None,
        ca_cert=certificates.ca_cert or None,
    )


def _channel_bodies(channels: Sequence[Channel]) -> list[ConfigChannelBody]:
    return [
        ConfigChannelBody(id=channel.id, name=channel.name, metadata=channel.metadata or None)
        for channel in channels
    ]


def _id(text: str, unknown: Callable[[], DomainError]) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise unknown() from None
