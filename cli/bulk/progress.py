"""How far a run is, for a person who waits; nothing is shown where nobody does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Hears of each row that came to an end."""

    def advance(self, *, failed: bool) -> None:
        """One more."""


class _Nobody:
    def advance(self, *, failed: bool) -> None:
        pass


@contextmanager
def open_progress(total: int, *, quiet: bool) -> Iterator[Progress]:
    """A bar with rate and remaining time on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield _Nobody()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    class _OnTerminal:
        def __init__(self, bar: Bar) -> None:
            self._bar = bar
            self._failed = 0
            self._task = bar.add_task("", total=total, rate="", failed="")

        def advance(self, *, failed: bool) -> None:
            self._failed += failed
            speed = self._bar.tasks[0].speed
            self._bar.update(
                self._task,
                advance=1,
                rate=f"{speed:.0f}/s" if speed else "",
                failed=f"[red]{self._failed} failed" if self._failed else "",
            )

    with Bar(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        yield _OnTerminal(bar)
