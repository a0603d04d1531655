"""Does the rows of a file, several at a time; can be stopped and taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
from msgspec import Struct
from msgspec.structs import replace

from cli.bulk.options import STANDARD_INPUT, BulkOptions
from cli.bulk.progress import Progress, open_progress
from cli.bulk.results import Line, Results, open_results
from cli.bulk.rows import BadRows, Column, Row, check_rows, read_rows
from cli.bulk.summary import Summary
from cli.choices import CliError
from cli.refusals import explain
from shared.errors import DomainError, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from cli.session import Session
    from cli.shown import Shown

_TRIES = 5
_LONGEST_PAUSE_SECONDS = 10.0


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a row.

    Attributes:
        is_new: False if an earlier try had made it already.
        secret: What a thing got to prove itself with.
    """

    is_new: bool
    things: list[str] = []
    channels: list[str] = []
    secret: str = ""


class Job(Protocol):
    """What is done with each row."""

    @property
    def name(self) -> str:
        """The command."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What may stand in a file."""

    @property
    def secrets(self) -> frozenset[str]:
        """Columns of which nothing is kept."""

    def key(self, row: Row) -> str:
        """What tells the row from others, also in a later run."""

    def complain(self, row: Row) -> list[str]:
        """What is wrong with a row beyond missing values."""

    async def do(self, row: Row, results: Results) -> Outcome:
        """Do it; safe to repeat."""


async def run_bulk(session: Session, options: BulkOptions, job: Job) -> Shown | int:
    """Check the file, do what is not done yet, and tell what came of it."""
    path = options.result_path()
    with _readable(options.file) as file:
        shown_name = "standard input" if options.file == STANDARD_INPUT else options.file
        total = check_rows(file, shown_name, job.columns)
        _check_contents(file, shown_name, job)
        await session.token()  # who is not logged in hears of it before a file is made
        with open_results(
            path, job=job.name, file=options.file, resume=options.resume is not None
        ) as results:
            _check_done(file, shown_name, job, results)
            run = _Run(job, results, Summary(file=shown_name, result_file=str(path), rows=total))
            with open_progress(total, quiet=session.choices.quiet) as progress:
                await run.do_all(file, options.parallel, progress)
    if run.is_pointless and options.resume is None:
        path.unlink()
    if run.is_pointless and run.fatal is not None:
        raise run.fatal
    return run.summary.shown()


class _Run:
    """One run over a file."""

    def __init__(self, job: Job, results: Results, summary: Summary) -> None:
        self.summary = summary
        self.fatal: DomainError | CliError | None = None
        self._job = job
        self._results = results
        self._stopping = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        # Rows one after the other that no service answered for: when all workers have met
        # that, the platform is down, and it is not the rows.
        self._unserved = 0

    @property
    def is_pointless(self) -> bool:
        """Whether it was refused as a whole, so that there is nothing to go on with."""
        return self.summary.tried == 0 and isinstance(self.fatal, Unauthenticated | CliError)

    async def do_all(self, file: Path, parallel: int, progress: Progress) -> None:
        began = time.monotonic()
        rows = self._missing(file, progress)
        self._workers = [asyncio.create_task(self._work(rows, progress)) for _ in range(parallel)]
        with self._stopped_by_signals():
            done = await asyncio.gather(*self._workers, return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, BaseException) and not isinstance(
                outcome, asyncio.CancelledError
            ):
                raise outcome
        self.summary.seconds = time.monotonic() - began
        if self.fatal is not None:
            self.summary.stopped_by, self.summary.stop_code = _words(self.fatal)

    def _missing(self, file: Path, progress: Progress) -> Iterator[Row]:
        for row in read_rows(file, self._job.columns):
            if self._job.key(row) in self._results.done:
                self.summary.done_before += 1
                progress.advance(failed=False)
            else:
                yield row

    async def _work(self, rows: Iterator[Row], progress: Progress) -> None:
        try:
            while not self._stopping.is_set() and (row := next(rows, None)) is not None:
                line = await self._do(row)
                if line is None:
                    return
                self._results.write(line)
                self.summary.count(line)
                progress.advance(failed=not line.is_done)
        except Exception:
            self._stopping.set()
            raise

    async def _do(self, row: Row) -> Line | None:
        """A row's line, or None if it says nothing about the row that it could not be done."""
        failed = Line(
            row=row.number,
            key=self._job.key(row),
            content=fingerprint(self._job, row),
            result="failed",
        )
        try:
            outcome = await self._do_patiently(row)
        except (Unauthenticated, CliError) as error:
            self._stop(error)
            return None
        except Unavailable as error:
            self._unserved += 1
            if self._unserved >= len(self._workers) or self.summary.tried == 0:
                self._stop(error)
            if self._stopping.is_set():
                return None
            return replace(failed, code=error.code, reason=explain(error).text)
        except DomainError as error:
            self._unserved = 0
            reason = explain(error).text.replace("\n  ", "; ")
            return replace(failed, code=error.code, reason=reason)
        self._unserved = 0
        return replace(
            failed,
            result="created" if outcome.is_new else "replayed",
            things=outcome.things,
            channels=outcome.channels,
            secret=outcome.secret,
        )

    async def _do_patiently(self, row: Row) -> Outcome:
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._job.do(row, self._results)
            except Unavailable as error:
                if attempt == _TRIES or self._stopping.is_set():
                    raise
                pause = min(
                    max(error.retry_after_seconds, 2 ** (attempt - 2)), _LONGEST_PAUSE_SECONDS
                )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
        raise AssertionError("unreachable")

    def _stop(self, error: DomainError | CliError) -> None:
        if self.fatal is None and not self._stopping.is_set():
            self.fatal = error
        self._stopping.set()

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._interrupt)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        if self.summary.is_interrupted:
            for worker in self._workers:
                worker.cancel()
            return
        self.summary.is_interrupted = True
        self._stopping.set()
        click.echo("stopping; rows at work are finished first (again to stop at once)", err=True)


def _words(error: DomainError | CliError) -> tuple[str, int]:
    if isinstance(error, CliError):
        return str(error), error.code
    refusal = explain(error)
    return refusal.text, refusal.code


def fingerprint(job: Job, row: Row) -> str:
    """What a row says, in a few characters, its secrets aside."""
    told = {name: value for name, value in row.values.items() if name not in job.secrets}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _check_contents(file: Path, name: str, job: Job) -> None:
    complaints = [
        complaint for row in read_rows(file, job.columns) for complaint in job.complain(row)
    ]
    if complaints:
        raise BadRows(name, complaints)


def _check_done(file: Path, name: str, job: Job, results: Results) -> None:
    complaints = [
        f"row {row.number}: {done.key} was done with other values by the earlier run"
        for row in read_rows(file, job.columns)
        if (done := results.done.get(job.key(row))) is not None
        and done.content != fingerprint(job, row)
    ]
    if complaints:
        raise BadRows(name, complaints)


@contextlib.contextmanager
def _readable(file: str) -> Iterator[Path]:
    """The file, or what comes from standard input as one: it is read more than once."""
    if file != STANDARD_INPUT:
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)
