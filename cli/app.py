"""The program: runs a command, and turns whatever ends it into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cli.choices import Choices, CliError, common_options
from cli.codes import FAILED, INTERRUPTED, OK, USAGE
from cli.commanding import Root
from cli.names import PROGRAM
from shared.errors import DomainError


@click.group(
    cls=Root,
    params=common_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        "users create john.doe@email.com",
        "login john.doe@email.com",
        "provision mapping 33:52:79:C3:43 223334fw2",
        "provision mapping --from gateways.csv",
        "things list --output json",
    ),
)
@click.version_option(package_name="supermq-provisioning", prog_name=PROGRAM)
def root() -> None:
    """The whole platform from a terminal.

    `supermq-cli COMMAND --help` shows each command with examples.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line; answers the exit code."""
    choices = Choices()
    try:
        code = root.main(
            args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=choices
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.exceptions.NoArgsIsHelpError as help_page:
        click.echo(help_page.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"`{context.command_path} --help` shows how it is used" if context else ""
        return _tell(choices, error.format_message(), hint, USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except CliError as error:
        return _tell(choices, str(error), error.hint, error.code)
    except DomainError as error:
        from cli.refusals import explain

        refusal = explain(error)
        return _tell(choices, refusal.text, refusal.hint, refusal.code)
    except BrokenPipeError:
        # Whoever read the output has gone; nothing may be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except UnicodeEncodeError:
        return _tell(choices, "an argument is not UTF-8", "", USAGE)
    except OSError as error:
        return _tell(choices, f"{error.filename or ''}: {error.strerror or error}", "", USAGE)


def _tell(choices: Choices, text: str, hint: str, code: int) -> int:
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(text, err=True)
    if hint:
        choices.hint(hint)
    return code
