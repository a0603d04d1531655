"""The options that every command takes, before or after its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import click

from cli.codes import USAGE

OUTPUTS = ("table", "json", "ndjson", "csv", "name")


@dataclass
class Choices:
    """What was chosen for this run."""

    output: str = "table"
    url: str = ""
    token: str = ""
    profile: str = ""
    ca_cert: str = ""
    insecure: bool = False
    timeout: float = 30.0
    quiet: bool = False

    def hint(self, text: str) -> None:
        """Tell the user something he did not ask for."""
        if not self.quiet:
            click.echo(f"hint: {text}", err=True)


class CliError(Exception):
    """Something the user has to know, and why the program ends.

    Args:
        hint: What he can do about it.
    """

    def __init__(self, text: str, *, hint: str = "", code: int = USAGE) -> None:
        super().__init__(text)
        self.hint = hint
        self.code = code


def chosen() -> Choices:
    """The choices of the running command."""
    return click.get_current_context().ensure_object(Choices)


def common_options() -> list[click.Option]:
    """The options, to be added to a command."""
    return [
        _option(
            "-o",
            "--output",
            type=click.Choice(OUTPUTS),
            help="How to print: a table (default), or for programs.",
        ),
        _option("--url", metavar="URL", help="The platform's front door. [SMQ_URL]"),
        _option("--token", metavar="TOKEN", help="Token or API key to call with. [SMQ_TOKEN]"),
        _option("--profile", metavar="NAME", help="Which stored login to use. [SMQ_PROFILE]"),
        _option(
            "--ca-cert",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False),
            help="Authority to trust. [SMQ_CA_CERT]",
        ),
        _option("--insecure", is_flag=True, help="Do not check the platform's certificate."),
        _option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0.1),
            help="How long one call may take. [30]",
        ),
        _option("-q", "--quiet", is_flag=True, help="No hints."),
    ]


def _option(*names: str, **settings: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_keep, default=None, **settings)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is None or parameter.name is None:
        return
    choices = context.ensure_object(Choices)
    setattr(choices, parameter.name, value)


def variable(name: str) -> str:
    """An environment variable; empty counts as unset."""
    return os.environ.get(f"SMQ_{name}", "")
