"""`supermq-cli policies`: who may do what, of users in groups and of others in channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import ACTIONS, page_options
from cli.commanding import Group, calls
from cli.shown import Done, Part, Shown
from cli.views import POLICY

if TYPE_CHECKING:
    from cli.session import Session

_USER = "71db4bb0-591e-4f76-b766-b39ced9fc6b8"
_GROUP = "2b0f6a1d-93c4-4d52-8f0e-1c2d3e4f5a6b"
_CHANNEL = "ff1316f1-d3c6-4590-8bf3-33774d79eab2"

_channel = click.option(
    "--channel", "of_channel", is_flag=True, help="The object is a channel, not a group of users."
)


@click.group(cls=Group)
def policies() -> None:
    """Who may do what.

    A policy lets a subject act on an object: a user in a group of users, or with `--channel` a
    thing or a user in a channel.
    """


@policies.command(
    examples=(
        f"policies add {_USER} {_GROUP} c_list,g_list",
        f"policies add {_USER} {_CHANNEL} g_list,m_read --channel --external",
    )
)
@click.argument("subject", type=click.UUID)
@click.argument("target", metavar="OBJECT", type=click.UUID)
@click.argument("actions", type=ACTIONS)
@_channel
@click.option("--external", is_flag=True, help="The subject is a user: share the channel.")
@calls
async def add(
    session: Session,
    subject: UUID,
    target: UUID,
    actions: Any,
    *,
    of_channel: bool,
    external: bool,
) -> Shown:
    """Let a subject act on an object; replaces what it may do there so far."""
    from shared.contracts.things import CreatePolicyBody
    from shared.contracts.users_groups import UserPolicyWriteBody

    token = await session.token()
    if of_channel or external:
        await session.platform.channels.add_policy(
            token,
            CreatePolicyBody(
                subject=str(subject), object=str(target), actions=actions, external=external
            ),
        )
    else:
        await session.platform.groups.add_policy(
            token, UserPolicyWriteBody(subject=str(subject), object=str(target), actions=actions)
        )
    return Done(f"{subject} may now do {', '.join(actions)} on {target}")


@policies.command(examples=(f"policies update {_USER} {_GROUP} g_list",))
@click.argument("subject", type=click.UUID)
@click.argument("target", metavar="OBJECT", type=click.UUID)
@click.argument("actions", type=ACTIONS)
@_channel
@calls
async def update(
    session: Session, subject: UUID, target: UUID, actions: Any, *, of_channel: bool
) -> Shown:
    """Replace what a subject may do."""
    from shared.contracts.things import UpdatePolicyBody
    from shared.contracts.users_groups import UserPolicyWriteBody

    token = await session.token()
    if of_channel:
        await session.platform.channels.update_policy(
            token, UpdatePolicyBody(subject=str(subject), object=str(target), actions=actions)
        )
    else:
        await session.platform.groups.update_policy(
            token, UserPolicyWriteBody(subject=str(subject), object=str(target), actions=actions)
        )
    return Done(f"{subject} may now do {', '.join(actions)} on {target}")


@policies.command(
    "list", examples=("policies list", f"policies list --channel --object {_CHANNEL}")
)
@page_options
@click.option("--subject", type=click.UUID, help="Of this subject.")
@click.option("--object", "target", type=click.UUID, help="On this object.")
@_channel
@calls
async def list_policies(
    session: Session,
    part: Part,
    *,
    subject: UUID | None,
    target: UUID | None,
    of_channel: bool,
) -> Shown:
    """List the policies the caller made; with `--channel` connections and shares."""
    from shared.contracts.things import PoliciesQuery
    from shared.contracts.users_groups import UserPoliciesQuery

    of, on = str(subject or ""), str(target or "")
    if of_channel:
        connections = PoliciesQuery(subject=of, object=on)
        return session.items(POLICY, session.platform.channels.list_policies, connections, part)
    query = UserPoliciesQuery(subject=of, object=on)
    return session.items(POLICY, session.platform.groups.list_policies, query, part)


@policies.command(examples=(f"policies remove {_USER} {_GROUP}",))
@click.argument("subject", type=click.UUID)
@click.argument("target", metavar="OBJECT", type=click.UUID)
@_channel
@calls
async def remove(session: Session, subject: UUID, target: UUID, *, of_channel: bool) -> Shown:
    """Let a subject no longer act on an object."""
    token = await session.token()
    if of_channel:
        await session.platform.channels.delete_policy(token, subject, target)
    else:
        await session.platform.groups.delete_policy(token, subject, target)
    return Done(f"{subject} may no longer do anything on {target}")
