"""`supermq-cli login` and `logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.asking import ask, secret_file, take_secret
from cli.choices import CliError, chosen
from cli.commanding import Command, calls
from cli.shown import Done, Shown

if TYPE_CHECKING:
    from cli.session import Session


@click.command(
    cls=Command,
    examples=(
        "login",
        "login john.doe@email.com",
        "login john.doe@email.com --secret-file password.txt",
        "login john.doe@email.com --profile plant-2 --url https://plant-2.example.com",
    ),
)
@click.argument("identity", required=False)
@click.argument("secret", required=False)
@secret_file
@calls
async def login(
    session: Session, identity: str | None, secret: str | None, secret_file: str | None
) -> Shown:
    """Log in and stay logged in: tokens are kept, and renewed by themselves.

    They are kept under a profile, together with the platform's address, in a file that nobody
    else can read: `~/.config/supermq/cli.json`, or what SMQ_CLI_CONFIG says.
    """
    from cli.store import store_path

    identity = identity or ask("e-mail address")
    password = take_secret(secret, secret_file)
    tokens = await session.platform.users.login(identity, password)
    session.remember(tokens, identity)
    return Done(f"logged in as {identity}, kept in {store_path()}")


@click.command(cls=Command, examples=("logout", "logout --profile plant-2"))
def logout() -> None:
    """End the login: the tokens are worth nothing from now on, wherever they are."""
    from cli.running import run_command

    run_command(chosen(), _log_out, (), {})


async def _log_out(session: Session) -> Shown:
    import contextlib

    import msgspec

    from cli.store import keep, read_profiles
    from shared.errors import Unauthenticated

    profile = read_profiles().profiles.get(session.profile_name)
    if profile is None or profile.login is None:
        raise CliError(f"nobody is logged in under profile {session.profile_name}")
    with contextlib.suppress(Unauthenticated):  # then it has ended already
        await session.platform.users.log_out(await session.login_token())
    keep(session.profile_name, msgspec.structs.replace(profile, login=None))
    return Done(f"logged out {profile.login.identity}")
