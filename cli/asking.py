"""Arguments that several commands share: secrets, JSON, actions, parts of lists."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.choices import CliError, chosen
from cli.shown import Part

Function = TypeVar("Function", bound=Callable[..., Any])

_ACTIONS = (
    *("m_write", "m_read"),
    *("c_list", "c_update", "c_delete", "c_share"),
    *("g_list", "g_update", "g_delete", "g_add"),
)


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object as text."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Read it."""
        if isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
        except ValueError as error:
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(found, dict):
            self.fail("not a JSON object", param, ctx)
        return found


class Separated(click.ParamType[list[str]]):
    """Several values with commas between them."""

    def __init__(self, kind: click.ParamType[Any], name: str) -> None:
        self.name = name
        self._kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        """Read them."""
        if isinstance(value, list):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return [str(self._kind.convert(part, param, ctx)) for part in parts]


JSON_OBJECT = JsonObject()
IDS = Separated(click.UUID, "ids")
ACTIONS = Separated(click.Choice(_ACTIONS), "actions")
TAGS = Separated(click.STRING, "tags")


def secret_file(function: Function) -> Function:
    """Where a secret is read from, if it is neither an argument nor asked for."""
    return click.option(
        "--secret-file",
        metavar="FILE",
        help="Read the secret from a file; - is standard input.",
    )(function)


def take_secret(
    given: str | None,
    file: str | None,
    *,
    what: str = "password",
    confirm: bool = False,
    is_password: bool = True,
) -> str:
    """A secret from the argument, else from the file, else from the person.

    Args:
        what: How it is called when it is asked for.
        confirm: Whether it has to be typed twice.
        is_password: Whether an argument is worth a warning.

    Raises:
        CliError: It is given twice, is empty, or there is nobody to ask.
    """
    if given is not None and file is not None:
        raise CliError(f"the {what} is given twice, as an argument and by --secret-file")
    if file is not None:
        secret = _read(file)
    elif given is not None:
        if is_password:
            chosen().hint(
                f"a {what} on the command line is kept in the shell's history; leave it out to be "
                "asked for it, or use --secret-file"
            )
        secret = given
    elif sys.stdin.isatty():
        secret = click.prompt(what, hide_input=True, err=True, confirmation_prompt=confirm)
    else:
        raise CliError(f"the {what} is missing", hint="--secret-file FILE; - is standard input")
    if not secret:
        raise CliError(f"the {what} is empty")
    if not one_line(secret):
        raise CliError(f"the {what} is more than one line")
    return secret


def one_line(text: str) -> bool:
    """Whether a text can be sent in a header; secrets mostly are."""
    return not any(mark in text for mark in "\r\n\0")


def ask(what: str) -> str:
    """Something that is no secret; raises CliError if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise CliError(f"the {what} is missing")
    answer: str = click.prompt(what, err=True)
    return answer


def _read(file: str) -> str:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except UnicodeDecodeError:
        raise CliError(f"{file} is not text") from None
    return text.removesuffix("\n").removesuffix("\r")


def page_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Which part of a list is wanted; the command gets it as `part`."""

    @click.option(
        "--offset",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="How many to leave out from the start.",
    )
    @click.option(
        "--limit",
        type=click.IntRange(1, 100),
        default=10,
        show_default=True,
        help="How many to show.",
    )
    @click.option(
        "--all", "everything", is_flag=True, help="Everything, however many pages that takes."
    )
    @functools.wraps(function)
    def run(*arguments: Any, offset: int, limit: int, everything: bool, **values: Any) -> Any:
        return function(*arguments, part=Part(offset, limit, everything), **values)

    return run


def status_option(function: Function) -> Function:
    """Which status is wanted."""
    return click.option(
        "--status",
        type=click.Choice(["enabled", "disabled", "all"]),
        help="Only these; enabled if left out.",
    )(function)


def confirm(question: str, *, sure: bool) -> None:
    """Ask a person before something cannot be taken back; scripts are not asked.

    Raises:
        click.Abort: He is not sure.
    """
    if not sure and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


def sure_option(function: Function) -> Function:
    """Not to be asked."""
    return click.option("-y", "--yes", "sure", is_flag=True, help="Do not ask.")(function)


def as_json(value: dict[str, Any] | None) -> str:
    """A filter by metadata, as a query parameter has it."""
    return json.dumps(value) if value else ""
