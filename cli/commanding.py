"""Commands and groups as this program has them: common options, examples, late imports."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any, ParamSpec

import click

from cli.choices import chosen, common_options
from cli.names import COMMANDS, PROGRAM

P = ParamSpec("P")


class Command(click.Command):
    """A command with examples in its help, and the common options in a section of their own."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)
        self.common = common_options()
        self.params = [*self.params, *self.common]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its own options, then the common ones."""
        for title, options in (
            ("Options", [each for each in self.get_params(ctx) if _is_own(each, self.common)]),
            ("Common options", self.common),
        ):
            records = [option.get_help_record(ctx) for option in options]
            if any(records):
                with formatter.section(title):
                    formatter.write_dl([record for record in records if record])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)


class Group(click.Group):
    """A group of commands."""

    command_class = Command

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)


class Root(Group):
    """The program: its groups are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a first day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what there is without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def calls(function: Callable[P, Awaitable[Any]]) -> Callable[..., int | None]:
    """Run an async command with an open platform, its first argument, and show what it answers."""

    @functools.wraps(function)
    def run(*arguments: Any, **values: Any) -> int | None:
        from cli.running import run_command

        return run_command(chosen(), function, arguments, values)

    return run


def _is_own(parameter: click.Parameter, common: Sequence[click.Option]) -> bool:
    return isinstance(parameter, click.Option) and parameter not in common


def _write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{PROGRAM} {example}\n")
