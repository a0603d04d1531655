"""`supermq-cli messages`: what a device does, by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from cli.asking import secret_file, take_secret
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.shown import Done, Shown

if TYPE_CHECKING:
    from cli.session import Session

_CHANNEL = "ff1316f1-d3c6-4590-8bf3-33774d79eab2"
_TYPES = {
    "senml": "application/senml+json",
    "senml-cbor": "application/senml+cbor",
    "json": "application/json",
}


@click.group(cls=Group)
def messages() -> None:
    """Messages, as a thing sends them."""


@messages.command(
    examples=(
        f'messages send {_CHANNEL} \'[{{"n":"temperature","v":21}}]\' --secret-file key.txt',
        f"messages send {_CHANNEL}.hall.2 '{{\"v\": 21}}' --type json --secret-file key.txt",
        f"messages send {_CHANNEL} --file reading.json --secret-file key.txt",
    )
)
@click.argument("channel", metavar="CHANNEL[.SUBTOPIC]")
@click.argument("message", required=False)
@click.argument("key", required=False)
@secret_file
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Read the message from a file; - is standard input.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(list(_TYPES)),
    default="senml",
    show_default=True,
    help="What the message is.",
)
@calls
async def send(
    session: Session,
    channel: str,
    message: str | None,
    key: str | None,
    secret_file: str | None,
    file: Path | None,
    kind: str,
) -> Shown:
    """Send a message to all who listen in a channel, with the key of a thing connected to it.

    With --file the message is not an argument, and the key comes right after the channel.
    """
    if file is not None and key is None:
        message, key = None, message
    named, _, subtopic = channel.replace("/", ".").partition(".")
    if (message is None) == (file is None):
        raise CliError("the message is an argument or a file, one of them")
    if str(file) == "-" == secret_file:
        raise CliError("standard input can be the message or the key, not both")
    try:
        channel_id = UUID(named)
    except ValueError:
        raise CliError(f"{named} is not the id of a channel") from None
    payload = _read(file) if message is None else message.encode()
    secret = take_secret(key, secret_file, what="thing's key", is_password=False)
    await session.platform.messages.send(
        secret, channel_id, payload, subtopic=subtopic, content_type=_TYPES[kind]
    )
    return Done(f"sent {len(payload)} bytes")


def _read(file: Path | None) -> bytes:
    return sys.stdin.buffer.read() if file is None or str(file) == "-" else file.read_bytes()
