"""The options of commands that take a file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli.choices import CliError

STANDARD_INPUT = "-"
_MOST = 64


@dataclass(frozen=True)
class BulkOptions:
    """What was asked for.

    Attributes:
        file: Where the rows are; empty if this is not about a file.
        result: Where to write what became of each.
        resume: The result file of an earlier run.
    """

    file: str
    result: Path | None
    resume: Path | None
    parallel: int

    def refuse(self) -> None:
        """Refuse what makes sense only with a file; raises CliError."""
        if self.result or self.resume:
            raise CliError("--result and --resume go with --from")

    def result_path(self) -> Path:
        """The result file: the one to go on with, the named one, or one beside the file.

        Raises:
            CliError: Two are named, or there is nothing to be beside of.
        """
        if self.resume and self.result:
            raise CliError("--resume goes on with its own file; --result is another one")
        named = self.resume or self.result
        if named:
            return named
        if self.file == STANDARD_INPUT:
            raise CliError("rows from standard input need --result FILE")
        return Path(f"{self.file}.result.ndjson")


def bulk_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as `bulk`."""

    @click.option(
        "--from", "bulk_file", metavar="FILE", default="", help="Rows as CSV or NDJSON; - is input."
    )
    @click.option(
        "--result",
        "bulk_result",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="What became of each row. [FILE.result.ndjson]",
    )
    @click.option(
        "--resume",
        "bulk_resume",
        metavar="RESULT",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Do only what is missing in an earlier run's result.",
    )
    @click.option(
        "--parallel",
        "bulk_parallel",
        type=click.IntRange(1, _MOST),
        default=8,
        show_default=True,
        help="How many rows at a time.",
    )
    @functools.wraps(function)
    def run(
        *arguments: Any,
        bulk_file: str,
        bulk_result: Path | None,
        bulk_resume: Path | None,
        bulk_parallel: int,
        **values: Any,
    ) -> Any:
        bulk = BulkOptions(bulk_file, bulk_result, bulk_resume, bulk_parallel)
        return function(*arguments, bulk=bulk, **values)

    return run
