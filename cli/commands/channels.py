"""`supermq-cli channels`: where things talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import JSON_OBJECT, as_json, confirm, page_options, status_option, sure_option
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.shown import Done, Item, Part, Rows, Shown
from cli.views import CHANNEL, THING

if TYPE_CHECKING:
    from cli.session import Session

_ID = "ff1316f1-d3c6-4590-8bf3-33774d79eab2"


@click.group(cls=Group)
def channels() -> None:
    """Where things talk: those connected to a channel hear each other."""


@channels.command(
    examples=(
        "channels create mychan",
        "channels create joe betty",
        "channels create a --output name",
    )
)
@click.argument("names", nargs=-1, required=True)
@click.option("--id", "channel_id", type=click.UUID, help="Its id, if it is to be a certain one.")
@click.option("--description", default="", help="What it is for.")
@click.option("--parent", type=click.UUID, help="The channel it is below.")
@click.option("--metadata", type=JSON_OBJECT, help="A JSON object.")
@calls
async def create(
    session: Session,
    names: tuple[str, ...],
    channel_id: UUID | None,
    description: str,
    parent: UUID | None,
    metadata: dict[str, Any] | None,
) -> Shown:
    """Make channels: one, or several, all or none."""
    from msgspec import to_builtins

    from shared.contracts.things import CreateChannelBody

    if len(names) > 1 and channel_id:
        raise CliError("an id is for one channel")
    wanted = [
        CreateChannelBody(
            id=str(channel_id or ""),
            name=name,
            description=description,
            parent_id=str(parent or ""),
            metadata=metadata,
        )
        for name in names
    ]
    token = await session.token()
    if len(wanted) == 1:
        return Item(await session.platform.channels.create_channel(token, wanted[0]), CHANNEL)
    made = await session.platform.channels.create_channels(token, wanted)
    return Rows(CHANNEL, to_builtins(made.channels))


@channels.command(examples=(f"channels get {_ID}",))
@click.argument("channel_id", type=click.UUID)
@calls
async def get(session: Session, channel_id: UUID) -> Shown:
    """Show a channel."""
    token = await session.token()
    return Item(await session.platform.channels.view_channel(token, channel_id), CHANNEL)


@channels.command(
    "list", examples=("channels list", "channels list --name control-channel --output ndjson")
)
@page_options
@status_option
@click.option("--name", default="", help="Exactly this name.")
@click.option("--metadata", type=JSON_OBJECT, help="With at least these metadata.")
@click.option("--parent", type=click.UUID, help="Below this channel.")
@calls
async def list_channels(
    session: Session,
    part: Part,
    *,
    status: Any,
    name: str,
    metadata: dict[str, Any] | None,
    parent: UUID | None,
) -> Shown:
    """List channels, oldest first: the caller's, and those shared with him."""
    from shared.contracts.things import ChannelsQuery

    query = ChannelsQuery(
        name=name, metadata=as_json(metadata), status=status or "", parent_id=str(parent or "")
    )
    return session.items(CHANNEL, session.platform.channels.list_channels, query, part)


@channels.command(examples=(f"channels update {_ID} --name alarms",))
@click.argument("channel_id", type=click.UUID)
@click.option("--name", default="", help="New name.")
@click.option("--description", help="New description.")
@click.option("--metadata", type=JSON_OBJECT, help="What replaces the metadata.")
@calls
async def update(
    session: Session,
    channel_id: UUID,
    name: str,
    description: str | None,
    metadata: dict[str, Any] | None,
) -> Shown:
    """Change name, description and metadata; gateways hear of it at their next fetch."""
    from shared.contracts.things import UpdateChannelBody

    changes = UpdateChannelBody(name=name, description=description, metadata=metadata)
    token = await session.token()
    return Item(await session.platform.channels.update_channel(token, channel_id, changes), CHANNEL)


@channels.command(examples=(f"channels enable {_ID}",))
@click.argument("channel_id", type=click.UUID)
@calls
async def enable(session: Session, channel_id: UUID) -> Shown:
    """Let a disabled channel take part again."""
    token = await session.token()
    return Item(await session.platform.channels.enable_channel(token, channel_id), CHANNEL)


@channels.command(examples=(f"channels disable {_ID}",))
@click.argument("channel_id", type=click.UUID)
@calls
async def disable(session: Session, channel_id: UUID) -> Shown:
    """Let nobody talk in a channel; it is kept, and can be enabled again."""
    token = await session.token()
    return Item(await session.platform.channels.disable_channel(token, channel_id), CHANNEL)


@channels.command(examples=(f"channels delete {_ID}", f"channels delete {_ID} --yes"))
@click.argument("channel_id", type=click.UUID)
@sure_option
@calls
async def delete(session: Session, channel_id: UUID, *, sure: bool) -> Shown:
    """Remove a channel and its connections."""
    confirm(f"Remove channel {channel_id} for good?", sure=sure)
    await session.platform.channels.delete_channel(await session.token(), channel_id)
    return Done(f"deleted {channel_id}")


@channels.command(examples=(f"channels things {_ID}",))
@click.argument("channel_id", type=click.UUID)
@page_options
@status_option
@calls
async def things(session: Session, channel_id: UUID, part: Part, status: Any) -> Shown:
    """List the things connected to a channel."""
    from shared.contracts.things import ConnectedQuery

    return session.items(
        THING,
        lambda token, query: session.platform.channels.list_things(token, channel_id, query),
        ConnectedQuery(status=status or ""),
        part,
    )
