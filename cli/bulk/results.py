"""The result file: what became of each row, written the moment it is known.

NDJSON. The first line tells what the run is; each further one a row. A row that was tried again
has several lines, of which the last counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from cli.choices import CliError


class Head(Struct, frozen=True, kw_only=True):
    """The first line.

    Attributes:
        run: Chosen when the run begins; ids of things are made of it.
    """

    job: str
    run: UUID
    file: str


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row's line.

    Attributes:
        key: What tells the row from others: the external id, or its number.
        content: Fingerprint of what the row says, without its secrets.
        result: `created`, `replayed` (it was there already) or `failed`.
        code: Of a failure, stable, for programs.
    """

    row: int
    key: str
    content: str
    result: str
    things: list[str] = []
    channels: list[str] = []
    secret: str = ""
    code: str = ""
    reason: str = ""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do about the row."""
        return self.result in {"created", "replayed"}


class Results:
    """An open result file."""

    def __init__(self, stream: BinaryIO, head: Head, done: dict[str, Line]) -> None:
        self.head = head
        self.done = done
        self._stream = stream

    def write(self, line: Line) -> None:
        """Write a row's line, so that it is there whatever happens next."""
        self._stream.write(msgspec.json.encode(line) + b"\n")
        self._stream.flush()


@contextmanager
def open_results(path: Path, *, job: str, file: str, resume: bool) -> Iterator[Results]:
    """Begin a result file, or go on with one.

    Raises:
        CliError: There is one already and it is not to be gone on with, or it is another job's.
    """
    if resume:
        head, done = _read(path, job)
        if Path(head.file).name != Path(file).name:
            raise CliError(f"{path} is the result of {head.file}, not of {file}")
        with path.open("r+b") as stream:
            _drop_half_a_line(stream)
            yield Results(stream, head, done)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CliError(
            f"{path} is there already",
            hint=f"--resume {path} does what is missing in it; --result names another file",
        ) from None
    with os.fdopen(descriptor, "wb") as stream:
        head = Head(job=job, run=uuid4(), file=file)
        stream.write(msgspec.json.encode(head) + b"\n")
        stream.flush()
        yield Results(stream, head, {})


def _read(path: Path, job: str) -> tuple[Head, dict[str, Line]]:
    done: dict[str, Line] = {}
    decoder = msgspec.json.Decoder(Line)
    with path.open("rb") as stream:
        try:
            head = msgspec.json.decode(stream.readline(), type=Head)
            for content in stream:
                if not content.endswith(b"\n"):
                    break  # the run was killed while it wrote this
                line = decoder.decode(content)
                if line.is_done:
                    done[line.key] = line
                else:
                    done.pop(line.key, None)
        except msgspec.DecodeError as error:
            raise CliError(f"{path} is not a result file: {error}") from None
    if head.job != job:
        raise CliError(f"{path} is the result of `{head.job}`, not of `{job}`")
    return head, done


def _drop_half_a_line(stream: BinaryIO) -> None:
    content = stream.read()
    whole = content.rfind(b"\n") + 1
    stream.seek(whole)
    stream.truncate()


def summary_of(line: Line) -> dict[str, Any]:
    """A row's line for the summary of a run."""
    values: dict[str, Any] = msgspec.to_builtins(line)
    return {name: values[name] for name in ("row", "key", "reason", "code") if name in values}
