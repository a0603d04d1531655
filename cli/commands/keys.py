"""`supermq-cli keys`: API keys for programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import click

from cli.asking import Separated, page_options
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.shown import Done, Item, Part, Shown
from cli.views import KEY

if TYPE_CHECKING:
    from cli.session import Session

_ID = "5d0c1f0e-7f3b-4b62-9a1d-6a3a1c7d9e42"
SCOPES = Separated(click.STRING, "scopes")


@click.group(cls=Group)
def keys() -> None:
    """API keys for programs; they are taken wherever a token is."""


@keys.command(
    examples=(
        "keys create provision:write --name line-3",
        "keys create things:read,channels:read --expires 2027-01-01T00:00:00Z --output json",
    )
)
@click.argument("scopes", type=SCOPES)
@click.option("--name", default="", help="What it is for.")
@click.option("--expires", metavar="TIME", help="When it ends, such as 2027-01-01T00:00:00Z.")
@calls
async def create(session: Session, scopes: list[str], name: str, expires: str | None) -> Shown:
    """Make a key that may do what its scopes say; it is shown only now.

    Scopes are services and `read` or `write`, with commas between them.
    """
    from shared.contracts.users import CreateKeyBody

    wanted = CreateKeyBody(name=name, scopes=scopes, expires_at=_moment(expires))
    return Item(await session.platform.users.create_key(await session.token(), wanted), KEY)


@keys.command("list", examples=("keys list",))
@page_options
@calls
async def list_keys(session: Session, part: Part) -> Shown:
    """List the caller's keys, without the keys themselves."""
    from shared.http.paging import Page

    query = Page()
    return session.items(KEY, session.platform.users.list_keys, query, part)


@keys.command(examples=(f"keys get {_ID}",))
@click.argument("key_id", type=click.UUID)
@calls
async def get(session: Session, key_id: UUID) -> Shown:
    """Show one of the caller's keys."""
    return Item(await session.platform.users.view_key(await session.token(), key_id), KEY)


@keys.command(examples=(f"keys revoke {_ID}",))
@click.argument("key_id", type=click.UUID)
@calls
async def revoke(session: Session, key_id: UUID) -> Shown:
    """Make a key worthless, at once."""
    await session.platform.users.revoke_key(await session.token(), key_id)
    return Done(f"revoked {key_id}")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{text} is not a time such as 2027-01-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise CliError(f"{text} has no time zone; 2027-01-01T00:00:00Z has")
    return moment
