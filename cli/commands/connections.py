"""`supermq-cli connect` and `disconnect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.asking import ACTIONS, IDS
from cli.commanding import Command, calls
from cli.shown import Done, Rows, Shown
from cli.views import POLICY

if TYPE_CHECKING:
    from cli.session import Session

_THING = "9dd12d93-21c9-4147-92fe-769386efb6cc"
_CHANNEL = "ff1316f1-d3c6-4590-8bf3-33774d79eab2"


@click.command(
    cls=Command,
    examples=(
        f"connect {_THING} {_CHANNEL}",
        f"connect {_THING} {_CHANNEL} --actions m_read",
        f"connect {_THING},b594af97-9550-4b11-86e1-2b6db7e329b9 {_CHANNEL}",
    ),
)
@click.argument("things", type=IDS)
@click.argument("channels", type=IDS)
@click.option("--actions", type=ACTIONS, help="m_write, m_read or both, with a comma; both.")
@calls
async def connect(session: Session, things: list[str], channels: list[str], actions: Any) -> Shown:
    """Connect every thing with every channel, all or none.

    Several ids have commas between them. Connecting again replaces what is allowed.
    """
    from msgspec import to_builtins

    from shared.contracts.things import ConnectBody

    pairs = ConnectBody(thing_ids=things, channel_ids=channels, actions=actions)
    made = await session.platform.channels.connect(await session.token(), pairs)
    return Rows(POLICY, to_builtins(made.policies))


@click.command(cls=Command, examples=(f"disconnect {_THING} {_CHANNEL}",))
@click.argument("things", type=IDS)
@click.argument("channels", type=IDS)
@calls
async def disconnect(session: Session, things: list[str], channels: list[str]) -> Shown:
    """Disconnect every thing from every channel, all or none."""
    from shared.contracts.things import ConnectBody

    pairs = ConnectBody(thing_ids=things, channel_ids=channels)
    await session.platform.channels.disconnect(await session.token(), pairs)
    return Done(f"disconnected {', '.join(things)} from {', '.join(channels)}")
