"""`supermq-cli groups`: groups of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import JSON_OBJECT, as_json, page_options, status_option
from cli.commanding import Group, calls
from cli.shown import Item, Part, Shown
from cli.views import GROUP, MEMBER

if TYPE_CHECKING:
    from cli.session import Session

_ID = "2b0f6a1d-93c4-4d52-8f0e-1c2d3e4f5a6b"


@click.group(cls=Group)
def groups() -> None:
    """Groups of users; `supermq-cli policies` puts users in."""


@groups.command(examples=("groups create night-shift", f"groups create plant-2 --parent {_ID}"))
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@click.option("--parent", type=click.UUID, help="The group it is below.")
@click.option("--metadata", type=JSON_OBJECT, help="A JSON object.")
@calls
async def create(
    session: Session,
    name: str,
    description: str,
    parent: UUID | None,
    metadata: dict[str, Any] | None,
) -> Shown:
    """Make a group."""
    from shared.contracts.users_groups import CreateGroupBody

    group = CreateGroupBody(
        name=name,
        description=description,
        parent_id=str(parent) if parent else "",
        metadata=metadata,
    )
    return Item(await session.platform.groups.create_group(await session.token(), group), GROUP)


@groups.command(examples=(f"groups get {_ID}",))
@click.argument("group_id", type=click.UUID)
@calls
async def get(session: Session, group_id: UUID) -> Shown:
    """Show a group."""
    return Item(await session.platform.groups.view_group(await session.token(), group_id), GROUP)


@groups.command("list", examples=("groups list", "groups list --name night-shift --output json"))
@page_options
@status_option
@click.option("--name", default="", help="Exactly this name.")
@click.option("--metadata", type=JSON_OBJECT, help="With at least these metadata.")
@calls
async def list_groups(
    session: Session,
    part: Part,
    *,
    status: Any,
    name: str,
    metadata: dict[str, Any] | None,
) -> Shown:
    """List the groups the caller may see."""
    from shared.contracts.users_groups import GroupsQuery

    query = GroupsQuery(name=name, metadata=as_json(metadata), status=status or "")
    return session.items(GROUP, session.platform.groups.list_groups, query, part)


@groups.command(examples=(f"groups children {_ID}",))
@click.argument("group_id", type=click.UUID)
@page_options
@calls
async def children(session: Session, group_id: UUID, part: Part) -> Shown:
    """List a group and those below it."""
    from shared.contracts.users_groups import GroupsQuery

    return session.items(
        GROUP,
        lambda token, query: session.platform.groups.list_children(token, group_id, query),
        GroupsQuery(),
        part,
    )


@groups.command(examples=(f"groups parents {_ID}",))
@click.argument("group_id", type=click.UUID)
@page_options
@calls
async def parents(session: Session, group_id: UUID, part: Part) -> Shown:
    """List a group and those above it."""
    from shared.contracts.users_groups import GroupsQuery

    return session.items(
        GROUP,
        lambda token, query: session.platform.groups.list_parents(token, group_id, query),
        GroupsQuery(),
        part,
    )


@groups.command(examples=(f"groups update {_ID} --name day-shift",))
@click.argument("group_id", type=click.UUID)
@click.option("--name", default="", help="New name.")
@click.option("--description", default="", help="New description.")
@click.option("--metadata", type=JSON_OBJECT, help="What replaces the metadata.")
@calls
async def update(
    session: Session,
    group_id: UUID,
    name: str,
    description: str,
    metadata: dict[str, Any] | None,
) -> Shown:
    """Change name, description and metadata."""
    from shared.contracts.users_groups import UpdateGroupBody

    changes = UpdateGroupBody(name=name, description=description, metadata=metadata)
    changed = await session.platform.groups.update_group(await session.token(), group_id, changes)
    return Item(changed, GROUP)


@groups.command(examples=(f"groups enable {_ID}",))
@click.argument("group_id", type=click.UUID)
@calls
async def enable(session: Session, group_id: UUID) -> Shown:
    """Let a disabled group take part again."""
    return Item(await session.platform.groups.enable_group(await session.token(), group_id), GROUP)


@groups.command(examples=(f"groups disable {_ID}",))
@click.argument("group_id", type=click.UUID)
@calls
async def disable(session: Session, group_id: UUID) -> Shown:
    """Take a group out of use."""
    token = await session.token()
    return Item(await session.platform.groups.disable_group(token, group_id), GROUP)


@groups.command(examples=(f"groups members {_ID}",))
@click.argument("group_id", type=click.UUID)
@page_options
@calls
async def members(session: Session, group_id: UUID, part: Part) -> Shown:
    """List the users in a group."""
    from shared.contracts.users import UsersQuery

    return session.items(
        MEMBER,
        lambda token, query: session.platform.groups.list_members(token, group_id, query),
        UsersQuery(),
        part,
    )
