"""`supermq-cli profiles`: several platforms, by name. Asks no service."""

from __future__ import annotations

from typing import Any

import click

from cli.choices import CliError, chosen
from cli.codes import NOT_FOUND
from cli.commanding import Group
from cli.shown import Rows
from cli.views import PROFILE


@click.group(cls=Group)
def profiles() -> None:
    """Several platforms, by name; `login --profile NAME` makes one."""


@profiles.command("list", examples=("profiles list",))
def list_profiles() -> None:
    """List what `login` has remembered."""
    import asyncio

    from cli.output import show
    from cli.store import read_profiles

    known = read_profiles()
    rows: list[dict[str, Any]] = [
        {
            "current": "*" if name == known.current else "",
            "name": name,
            "identity": profile.login.identity if profile.login else "",
            "address": profile.addresses.of("users"),
            "ca_cert": profile.ca_cert,
        }
        for name, profile in sorted(known.profiles.items())
    ]
    asyncio.run(show(chosen(), Rows(PROFILE, rows)))


@profiles.command(examples=("profiles use plant-2",))
@click.argument("name")
def use(name: str) -> None:
    """Use a profile whenever none is named."""
    from cli import store

    if not store.use(name):
        raise _unknown(name)


@profiles.command(examples=("profiles forget plant-2",))
@click.argument("name")
def forget(name: str) -> None:
    """Forget a profile and its tokens, without asking the platform."""
    from cli import store

    if not store.forget(name):
        raise _unknown(name)


def _unknown(name: str) -> CliError:
    return CliError(
        f"there is no profile {name}", hint="`supermq-cli profiles list`", code=NOT_FOUND
    )
