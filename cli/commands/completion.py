"""`supermq-cli completion`: what a shell needs to complete command lines."""

from __future__ import annotations

import click

from cli.commanding import Command
from cli.names import PROGRAM

_VARIABLE = "_SUPERMQ_CLI_COMPLETE"


@click.command(
    cls=Command,
    examples=(
        "completion bash >~/.local/share/bash-completion/completions/supermq-cli",
        "completion zsh >~/.zfunc/_supermq-cli",
        "completion fish >~/.config/fish/completions/supermq-cli.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion of a shell."""
    from click.shell_completion import get_completion_class

    from cli.app import root

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(kind(root, {}, PROGRAM, _VARIABLE).source())
