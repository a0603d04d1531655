"""`supermq-cli things`: device identities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import (
    JSON_OBJECT,
    TAGS,
    as_json,
    confirm,
    page_options,
    secret_file,
    status_option,
    sure_option,
    take_secret,
)
from cli.bulk.options import bulk_options
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.shown import Done, Item, Part, Rows, Shown, Text
from cli.views import CHANNEL, THING

if TYPE_CHECKING:
    from cli.bulk.options import BulkOptions
    from cli.session import Session
    from shared.contracts.things import CreateThingBody

_ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"


@click.group(cls=Group)
def things() -> None:
    """Device identities: whatever connects to the platform."""


@things.command(
    examples=(
        "things create weio",
        "things create meter --tags hall-2 --metadata '{\"hall\": 2}'",
        "things create weio bob",
        "things create --from things.csv",
    )
)
@click.argument("names", nargs=-1)
@secret_file
@click.option("--id", "thing_id", type=click.UUID, help="Its id, if it is to be a certain one.")
@click.option("--tags", type=TAGS, help="Tags, with commas between them.")
@click.option("--metadata", type=JSON_OBJECT, help="A JSON object.")
@bulk_options
@calls
async def create(
    session: Session,
    names: tuple[str, ...],
    secret_file: str | None,
    thing_id: UUID | None,
    tags: list[str] | None,
    metadata: dict[str, Any] | None,
    bulk: BulkOptions,
) -> Shown | int:
    """Make things: one, several (all or none), or those of a file, row by row.

    The columns of a file are `name`, `id`, `key`, `tags` (with semicolons between them) and
    `metadata` (a JSON object); none has to be there but one. A thing without a key gets one.
    """
    from shared.contracts.things import CreateThingBody, ThingCredentialsInput

    if bulk.file:
        if names or thing_id or tags or metadata or secret_file:
            raise CliError("--from takes everything from the file")
        from cli.bulk.running import run_bulk
        from cli.bulk.things import ThingsJob

        return await run_bulk(session, bulk, ThingsJob(session))
    bulk.refuse()
    if not names:
        raise CliError("a name is missing", hint="`supermq-cli things create --help`")
    if len(names) > 1 and (thing_id or secret_file):
        raise CliError("an id or a secret is for one thing")
    secret = take_secret(None, secret_file, what="key") if secret_file else ""
    wanted = [
        CreateThingBody(
            id=str(thing_id or ""),
            name=name,
            tags=tags,
            metadata=metadata,
            credentials=ThingCredentialsInput(secret) if secret else None,
        )
        for name in names
    ]
    return await _create(session, wanted)


async def _create(session: Session, wanted: list[CreateThingBody]) -> Shown:
    from msgspec import to_builtins

    token = await session.token()
    if len(wanted) == 1:
        return Item(await session.platform.things.create_thing(token, wanted[0]), THING)
    made = await session.platform.things.create_things(token, wanted)
    return Rows(THING, to_builtins(made.things))


@things.command(examples=(f"things get {_ID}", f"things get {_ID} --output json"))
@click.argument("thing_id", type=click.UUID)
@calls
async def get(session: Session, thing_id: UUID) -> Shown:
    """Show a thing."""
    return Item(await session.platform.things.view_thing(await session.token(), thing_id), THING)


@things.command(
    "list",
    examples=(
        "things list",
        "things list --name weio --output name",
        "things list --metadata '{\"hall\": 2}' --all --output csv",
    ),
)
@page_options
@status_option
@click.option("--name", default="", help="Exactly this name.")
@click.option("--tag", default="", help="With this tag.")
@click.option("--metadata", type=JSON_OBJECT, help="With at least these metadata.")
@click.option("--owner", type=click.UUID, help="Of this user; for an admin.")
@click.option("--visibility", type=click.Choice(["mine", "shared", "all"]), help="Whose.")
@calls
async def list_things(
    session: Session,
    part: Part,
    *,
    status: Any,
    name: str,
    tag: str,
    metadata: dict[str, Any] | None,
    owner: UUID | None,
    visibility: Any,
) -> Shown:
    """List things, oldest first: the caller's; an admin's are all."""
    from shared.contracts.things import ThingsQuery

    query = ThingsQuery(
        name=name,
        tag=tag,
        metadata=as_json(metadata),
        status=status or "",
        owner_id=str(owner or ""),
        visibility=visibility or "",
    )
    return session.items(THING, session.platform.things.list_things, query, part)


@things.command(examples=(f"things update {_ID} --name 'pump house'",))
@click.argument("thing_id", type=click.UUID)
@click.option("--name", default="", help="New display name.")
@click.option("--metadata", type=JSON_OBJECT, help="What replaces the metadata.")
@calls
async def update(
    session: Session, thing_id: UUID, name: str, metadata: dict[str, Any] | None
) -> Shown:
    """Change name and metadata."""
    from shared.contracts.things import UpdateThingBody

    changes = UpdateThingBody(name=name, metadata=metadata)
    changed = await session.platform.things.update_thing(await session.token(), thing_id, changes)
    return Item(changed, THING)


@things.command(examples=(f"things tags {_ID} hall-2,spare", f"things tags {_ID} ''"))
@click.argument("thing_id", type=click.UUID)
@click.argument("tags", type=TAGS)
@calls
async def tags(session: Session, thing_id: UUID, tags: list[str]) -> Shown:
    """Replace the tags."""
    changed = await session.platform.things.set_tags(await session.token(), thing_id, tags)
    return Item(changed, THING)


@things.command(examples=(f"things secret {_ID}", f"things secret {_ID} --secret-file key.txt"))
@click.argument("thing_id", type=click.UUID)
@click.argument("secret", required=False)
@secret_file
@calls
async def secret(
    session: Session, thing_id: UUID, secret: str | None, secret_file: str | None
) -> Shown:
    """Replace the secret a thing proves itself with, at once and everywhere."""
    new = take_secret(secret, secret_file, what="key", confirm=True, is_password=False)
    changed = await session.platform.things.set_secret(await session.token(), thing_id, new)
    return Item(changed, THING)


@things.command(examples=(f"things owner {_ID} 0f9d8c7b-6a59-4e3d-8c2b-1a0f9e8d7c6b",))
@click.argument("thing_id", type=click.UUID)
@click.argument("owner_id", type=click.UUID)
@calls
async def owner(session: Session, thing_id: UUID, owner_id: UUID) -> Shown:
    """Give a thing to another user."""
    token = await session.token()
    return Item(await session.platform.things.set_owner(token, thing_id, owner_id), THING)


@things.command(examples=(f"things enable {_ID}",))
@click.argument("thing_id", type=click.UUID)
@calls
async def enable(session: Session, thing_id: UUID) -> Shown:
    """Let a disabled thing take part again."""
    return Item(await session.platform.things.enable_thing(await session.token(), thing_id), THING)


@things.command(examples=(f"things disable {_ID}",))
@click.argument("thing_id", type=click.UUID)
@calls
async def disable(session: Session, thing_id: UUID) -> Shown:
    """Shut a thing out; it is kept, and can be enabled again."""
    token = await session.token()
    return Item(await session.platform.things.disable_thing(token, thing_id), THING)


@things.command(examples=(f"things delete {_ID}", f"things delete {_ID} --yes"))
@click.argument("thing_id", type=click.UUID)
@sure_option
@calls
async def delete(session: Session, thing_id: UUID, *, sure: bool) -> Shown:
    """Remove a thing, its connections and its config."""
    confirm(f"Remove thing {thing_id} for good?", sure=sure)
    await session.platform.things.delete_thing(await session.token(), thing_id)
    return Done(f"deleted {thing_id}")


@things.command(examples=("things identify --secret-file key.txt",))
@click.argument("key", required=False)
@secret_file
@calls
async def identify(session: Session, key: str | None, secret_file: str | None) -> Shown:
    """Tell which thing has a key."""
    given = take_secret(key, secret_file, what="key", is_password=False)
    found = await session.platform.things.identify(given)
    return Text(str(found), {"id": str(found)})


@things.command(examples=(f"things channels {_ID}",))
@click.argument("thing_id", type=click.UUID)
@page_options
@status_option
@calls
async def channels(session: Session, thing_id: UUID, part: Part, status: Any) -> Shown:
    """List the channels a thing is connected to."""
    from shared.contracts.things import ConnectedQuery

    return session.items(
        CHANNEL,
        lambda token, query: session.platform.channels.list_channels_of_thing(
            token, thing_id, query
        ),
        ConnectedQuery(status=status or ""),
        part,
    )
