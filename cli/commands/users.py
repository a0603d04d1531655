"""`supermq-cli users`: accounts and their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import (
    JSON_OBJECT,
    TAGS,
    as_json,
    page_options,
    secret_file,
    status_option,
    take_secret,
)
from cli.commanding import Group, calls
from cli.shown import Done, Item, Part, Shown, Text
from cli.views import MEMBERSHIP, USER

if TYPE_CHECKING:
    from cli.session import Session

_ID = "71db4bb0-591e-4f76-b766-b39ced9fc6b8"


@click.group(cls=Group)
def users() -> None:
    """Accounts and their tokens."""


@users.command(
    examples=(
        "users create john.doe@email.com 12345678",
        "users create john.doe@email.com --name 'John Doe' --secret-file password.txt",
    )
)
@click.argument("identity")
@click.argument("secret", required=False)
@secret_file
@click.option("--name", default="", help="Display name.")
@click.option("--tags", type=TAGS, help="Tags, with commas between them.")
@click.option("--metadata", type=JSON_OBJECT, help="A JSON object.")
@click.option("--owned", is_flag=True, help="The account shall belong to the caller.")
@click.option(
    "--role", type=click.Choice(["user", "admin"]), help="Only an admin may make an admin."
)
@calls
async def create(
    session: Session,
    identity: str,
    secret: str | None,
    secret_file: str | None,
    name: str,
    tags: list[str] | None,
    metadata: dict[str, Any] | None,
    *,
    owned: bool,
    role: Any,
) -> Shown:
    """Open an account, known by an e-mail address and a password."""
    from shared.contracts.users import CreateUserBody, UserCredentialsBody

    password = take_secret(secret, secret_file, confirm=True)
    account = CreateUserBody(
        name=name,
        tags=tags,
        credentials=UserCredentialsBody(identity, password),
        metadata=metadata,
        role=role or "",
    )
    token = await session.token() if owned or role else ""
    return Item(await session.platform.users.register(account, token), USER)


@users.command(
    examples=(
        "users token john.doe@email.com 12345678",
        "users token john.doe@email.com --secret-file - <password.txt",
    )
)
@click.argument("identity")
@click.argument("secret", required=False)
@secret_file
@calls
async def token(
    session: Session, identity: str, secret: str | None, secret_file: str | None
) -> Shown:
    """Get a token for calls, and with `--output json` the one for the next."""
    password = take_secret(secret, secret_file)
    tokens = await session.platform.users.login(identity, password)
    return Text(tokens.access_token, tokens, label="created")


@users.command(examples=("users refresh --secret-file refresh-token.txt --output json",))
@click.argument("refresh_token", required=False)
@secret_file
@calls
async def refresh(session: Session, refresh_token: str | None, secret_file: str | None) -> Shown:
    """Use a refresh token up for the next tokens."""
    given = take_secret(refresh_token, secret_file, what="refresh token")
    tokens = await session.platform.users.refresh(given)
    return Text(tokens.access_token, tokens, label="created")


@users.command(examples=("users profile",))
@calls
async def profile(session: Session) -> Shown:
    """Show the caller's own account."""
    return Item(await session.platform.users.profile(await session.token()), USER)


@users.command(examples=(f"users get {_ID}",))
@click.argument("user_id", type=click.UUID)
@calls
async def get(session: Session, user_id: UUID) -> Shown:
    """Show an account."""
    return Item(await session.platform.users.view_user(await session.token(), user_id), USER)


@users.command(
    "list",
    examples=("users list", "users list --all --output csv", "users list --identity a@example.com"),
)
@page_options
@status_option
@click.option("--name", default="", help="Exactly this name.")
@click.option("--identity", default="", help="Exactly this e-mail address.")
@click.option("--tag", default="", help="With this tag.")
@click.option("--metadata", type=JSON_OBJECT, help="With at least these metadata.")
@click.option("--visibility", type=click.Choice(["mine", "shared", "all"]), help="Whose.")
@calls
async def list_users(
    session: Session,
    part: Part,
    *,
    status: Any,
    name: str,
    identity: str,
    tag: str,
    metadata: dict[str, Any] | None,
    visibility: Any,
) -> Shown:
    """List accounts: the caller's; an admin's are all."""
    from shared.contracts.users import UsersQuery

    query = UsersQuery(
        name=name,
        identity=identity,
        tag=tag,
        metadata=as_json(metadata),
        status=status or "",
        visibility=visibility or "",
    )
    return session.items(USER, session.platform.users.list_users, query, part)


@users.command(examples=(f"users update {_ID} --name 'John D.'",))
@click.argument("user_id", type=click.UUID)
@click.option("--name", default="", help="New display name.")
@click.option("--metadata", type=JSON_OBJECT, help="What replaces the metadata.")
@calls
async def update(
    session: Session, user_id: UUID, name: str, metadata: dict[str, Any] | None
) -> Shown:
    """Change name and metadata."""
    from shared.contracts.users import UpdateUserBody

    changes = UpdateUserBody(name=name, metadata=metadata)
    changed = await session.platform.users.update_user(await session.token(), user_id, changes)
    return Item(changed, USER)


@users.command(examples=(f"users tags {_ID} night,plant-2", f"users tags {_ID} ''"))
@click.argument("user_id", type=click.UUID)
@click.argument("tags", type=TAGS)
@calls
async def tags(session: Session, user_id: UUID, tags: list[str]) -> Shown:
    """Replace the tags."""
    changed = await session.platform.users.set_user_tags(await session.token(), user_id, tags)
    return Item(changed, USER)


@users.command(examples=(f"users identity {_ID} john@example.com",))
@click.argument("user_id", type=click.UUID)
@click.argument("new_identity")
@calls
async def identity(session: Session, user_id: UUID, new_identity: str) -> Shown:
    """Change the e-mail address an account is known by."""
    token = await session.token()
    return Item(await session.platform.users.set_identity(token, user_id, new_identity), USER)


@users.command(examples=(f"users owner {_ID} 0f9d8c7b-6a59-4e3d-8c2b-1a0f9e8d7c6b",))
@click.argument("user_id", type=click.UUID)
@click.argument("owner_id", type=click.UUID)
@calls
async def owner(session: Session, user_id: UUID, owner_id: UUID) -> Shown:
    """Give an account to another user."""
    token = await session.token()
    return Item(await session.platform.users.set_user_owner(token, user_id, owner_id), USER)


@users.command(examples=(f"users role {_ID} admin",))
@click.argument("user_id", type=click.UUID)
@click.argument("new_role", type=click.Choice(["user", "admin"]))
@calls
async def role(session: Session, user_id: UUID, new_role: Any) -> Shown:
    """Make an admin of a user, or a user of an admin."""
    token = await session.token()
    return Item(await session.platform.users.set_role(token, user_id, new_role), USER)


@users.command(examples=("users secret", "users secret 12345678 --secret-file new-password.txt"))
@click.argument("old_secret", required=False)
@click.argument("new_secret", required=False)
@secret_file
@calls
async def secret(
    session: Session, old_secret: str | None, new_secret: str | None, secret_file: str | None
) -> Shown:
    """Change the caller's own password, which ends his logins.

    With --secret-file the new one is read from there.
    """
    old = take_secret(old_secret, None, what="password so far")
    new = take_secret(new_secret, secret_file, what="new password", confirm=True)
    changed = await session.platform.users.change_secret(await session.token(), old, new)
    return Item(changed, USER)


@users.command(examples=("users forgot john.doe@email.com",))
@click.argument("identity")
@click.option("--page", default="", metavar="URL", help="Where the link in the mail leads to.")
@calls
async def forgot(session: Session, identity: str, page: str) -> Shown:
    """Have a mail sent to who has forgotten his password; `users reset` takes its token."""
    at = page or session.platform.addresses.of("users")
    await session.platform.users.request_reset(identity, at)
    return Done(f"if {identity} has an account, a mail is on its way")


@users.command(examples=("users reset", "users reset TOKEN --secret-file new-password.txt"))
@click.argument("reset_token", required=False)
@secret_file
@calls
async def reset(session: Session, reset_token: str | None, secret_file: str | None) -> Shown:
    """Set another password with the token of the mail, which ends all logins."""
    given = take_secret(reset_token, None, what="token of the mail", is_password=False)
    new = take_secret(None, secret_file, what="new password", confirm=True)
    await session.platform.users.reset_secret(given, new)
    return Done("the new password is good from now on")


@users.command(examples=(f"users enable {_ID}",))
@click.argument("user_id", type=click.UUID)
@calls
async def enable(session: Session, user_id: UUID) -> Shown:
    """Let a disabled account take part again."""
    return Item(await session.platform.users.enable_user(await session.token(), user_id), USER)


@users.command(examples=(f"users disable {_ID}",))
@click.argument("user_id", type=click.UUID)
@calls
async def disable(session: Session, user_id: UUID) -> Shown:
    """End all an account may do, tokens included."""
    return Item(await session.platform.users.disable_user(await session.token(), user_id), USER)


@users.command(examples=(f"users memberships {_ID}",))
@click.argument("user_id", type=click.UUID)
@page_options
@calls
async def memberships(session: Session, user_id: UUID, part: Part) -> Shown:
    """List the groups a user is in."""
    from shared.contracts.users_groups import GroupsQuery

    return session.items(
        MEMBERSHIP,
        lambda token, query: session.platform.groups.list_memberships(token, user_id, query),
        GroupsQuery(),
        part,
    )
