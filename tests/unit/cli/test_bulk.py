"""A run over a file can be stopped anywhere and taken up again, and says what came of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli.bulk import running
from cli.bulk.options import BulkOptions
from cli.bulk.results import Results
from cli.bulk.rows import BadRows, Column, Row
from cli.bulk.running import Outcome, run_bulk
from cli.choices import Choices, CliError
from cli.session import Session
from cli.shown import Page
from shared.errors import Conflict, Unauthenticated, Unavailable

ROWS = 20


class FakeJob:
    """Does rows in memory; `troubles` are raised, each once, by the key of the row."""

    name = "fake"
    columns = (Column("id", required=True, unique=True), Column("name"))
    secrets: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.done: list[str] = []
        self.troubles: dict[str, list[BaseException]] = {}
        self.when_done: Callable[[], None] = lambda: None
        self.seconds = 0.0

    def key(self, row: Row) -> str:
        return row.values["id"]

    def complain(self, row: Row) -> list[str]:
        return []

    async def do(self, row: Row, results: Results) -> Outcome:
        await asyncio.sleep(self.seconds)
        key = self.key(row)
        if self.troubles.get(key):
            raise self.troubles[key].pop()
        is_new = key not in self.done
        self.done.append(key)
        self.when_done()
        return Outcome(is_new=is_new, things=[f"thing of {key}"])


class FakeSession:
    """Somebody who is logged in."""

    choices = Choices(quiet=True)

    async def token(self) -> str:
        return "token"


@pytest.fixture
def job() -> FakeJob:
    return FakeJob()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_LONGEST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text("id,name\n" + "".join(f"r{number},x\n" for number in range(ROWS)))
    return file


async def run(job: FakeJob, file: Path, *, resume: bool = False, parallel: int = 4) -> Page:
    options = BulkOptions(str(file), None, result_of(file) if resume else None, parallel)
    shown = await run_bulk(cast("Session", FakeSession()), options, job)
    assert isinstance(shown, Page)
    return shown


def lines(file: Path) -> list[dict[str, Any]]:
    content = result_of(file).read_text()
    return [json.loads(line) for line in content.splitlines()[1:]]


def result_of(file: Path) -> Path:
    return Path(f"{file}.result.ndjson")


def mode(file: Path) -> int:
    return result_of(file).stat().st_mode & 0o777


def write(file: Path, content: str) -> None:
    file.write_text(content)


def change(file: Path, edit: Callable[[str], str]) -> None:
    file.write_text(edit(file.read_text()))


async def test_each_row_is_done_once_and_has_its_line(job: FakeJob, file: Path) -> None:
    page = await run(job, file)

    assert page.code == 0
    assert page.lines[0].startswith("complete: of 20 rows 20 created (")
    assert sorted(job.done) == sorted(f"r{number}" for number in range(ROWS))
    assert sorted(line["row"] for line in lines(file)) == list(range(2, ROWS + 2))
    assert {line["result"] for line in lines(file)} == {"created"}
    assert mode(file) == 0o600


async def test_a_refused_row_does_not_stop_the_others_and_is_tried_again_alone(
    job: FakeJob, file: Path
) -> None:
    job.troubles["r3"] = [Conflict("taken")]

    first = await run(job, file)
    second = await run(job, file, resume=True)

    assert first.code == 7
    assert first.lines[0].startswith("NOT COMPLETE: of 20 rows 19 created, 1 FAILED (")
    assert first.lines[1] == "  row 5 (r3): entity already exists: taken"
    assert second.code == 0
    assert second.lines[0].startswith("complete: of 20 rows 1 created, 19 done by earlier runs (")
    assert len(job.done) == ROWS


async def test_nothing_created_is_not_told_as_a_success(job: FakeJob, file: Path) -> None:
    await run(job, file)

    again = await run(job, file, resume=True)

    assert again.lines[0].startswith("nothing to do: of 20 rows 0 created, 20 done by earlier")


async def test_a_service_that_comes_back_is_waited_for(job: FakeJob, file: Path) -> None:
    job.troubles = {f"r{number}": [Unavailable()] * 3 for number in range(ROWS)}

    page = await run(job, file)

    assert page.code == 0
    assert len(job.done) == ROWS


async def test_a_platform_that_is_gone_ends_the_run_and_not_the_rows(
    job: FakeJob, file: Path
) -> None:
    job.troubles = {
        f"r{number}": [Unavailable("things does not answer")] * 5 for number in range(8, 20)
    }

    first = await run(job, file)
    job.troubles = {}
    second = await run(job, file, resume=True)

    assert first.code == 6
    assert "NOT TRIED" in first.lines[0]
    assert "stopped: things does not answer" in first.lines
    assert second.code == 0
    assert sorted(job.done) == sorted(f"r{number}" for number in range(ROWS))


async def test_a_login_that_is_not_good_is_told_and_leaves_no_file(
    job: FakeJob, file: Path
) -> None:
    job.troubles = {f"r{number}": [Unauthenticated()] for number in range(ROWS)}

    with pytest.raises(Unauthenticated):
        await run(job, file)

    assert not result_of(file).exists()


async def test_a_login_that_ends_meanwhile_ends_the_run(job: FakeJob, file: Path) -> None:
    job.troubles = {f"r{number}": [Unauthenticated("ended")] for number in range(10, ROWS)}

    page = await run(job, file)

    assert page.code == 3
    assert any(line.startswith("stopped: failed to perform authen") for line in page.lines)


async def test_an_interrupt_finishes_the_rows_at_work(job: FakeJob, file: Path) -> None:
    def interrupt() -> None:
        if len(job.done) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    job.when_done, job.seconds = interrupt, 0.005

    first = await run(job, file)
    job.when_done, job.seconds = (lambda: None), 0.0
    second = await run(job, file, resume=True)

    assert first.code == 130
    assert 5 <= len(lines(file)) < 2 * ROWS
    assert second.code == 0
    assert len(job.done) == ROWS


async def test_half_a_line_of_a_killed_run_is_written_anew(job: FakeJob, file: Path) -> None:
    await run(job, file)
    change(result_of(file), lambda content: content[:-20])

    page = await run(job, file, resume=True)

    assert page.lines[0].startswith("nothing to do: of 20 rows 0 created, 1 there already, 19 ")
    assert len(lines(file)) == ROWS


async def test_a_result_file_is_not_written_over(job: FakeJob, file: Path) -> None:
    await run(job, file)

    with pytest.raises(CliError, match="is there already"):
        await run(job, file)


async def test_a_row_that_was_done_may_not_say_something_else_now(job: FakeJob, file: Path) -> None:
    await run(job, file)
    change(file, lambda content: content.replace("r7,x", "r7,y"))

    with pytest.raises(BadRows) as refused:
        await run(job, file, resume=True)

    assert refused.value.complaints == ["row 9: r7 was done with other values by the earlier run"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"job": "other", "run": "9dd12d93-21c9-4147-92fe-769386efb6cc", "file": "x"}\n', "other"),
        (
            '{"job": "fake", "run": "9dd12d93-21c9-4147-92fe-769386efb6cc", "file": "y.csv"}\n',
            r"is the result of y\.csv, not of",
        ),
        ("row,result\n", "is not a result file"),
        ("", "is not a result file"),
    ],
)
async def test_something_else_is_not_gone_on_with(
    content: str, complaint: str, job: FakeJob, file: Path
) -> None:
    write(result_of(file), content)

    with pytest.raises(CliError, match=complaint):
        await run(job, file, resume=True)

    assert job.done == []


async def test_a_fault_of_the_program_is_not_taken_for_a_row_that_failed(
    job: FakeJob, file: Path
) -> None:
    job.troubles["r2"] = [ZeroDivisionError()]

    with pytest.raises(ZeroDivisionError):
        await run(job, file)


async def test_what_is_read_from_standard_input_is_checked_first_too(
    job: FakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given"
    given.write_text('{"id": "a"}\n{"id": "a"}\n')
    with given.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        options = BulkOptions("-", tmp_path / "result", None, 1)

        with pytest.raises(BadRows, match="standard input is not in order"):
            await run_bulk(cast("Session", FakeSession()), options, job)
