"""Commands run in one shell, up to the first that fails, and nothing outlives the page."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.guides import GuideError, parse_guide
from tests.e2e.session import Transcript, run_guide, use_ports


def run(folder: Path, *blocks: str, timeout_seconds: float = 20) -> Transcript:
    page = "".join(f"```bash\n{block}\n```\n" for block in blocks)
    return run_guide(
        parse_guide("page.md", page),
        ports={9000: 12345},
        paths={".venv/bin": folder / "programs", ".data": folder},
        environment=os.environ,
        folder=folder,
        working_folder=folder,
        timeout_seconds=timeout_seconds,
    )


def test_variables_and_functions_live_to_the_end_of_the_page(tmp_path: Path) -> None:
    transcript = run(tmp_path, 'NAME=weio\nsay() { echo "$1!"; }', 'say "$NAME"')

    assert transcript == Transcript(printed=("", "weio!\n"), complaints=("", ""), exit_code=0)


def test_line_ends_of_answers_are_kept(tmp_path: Path) -> None:
    transcript = run(tmp_path, r"printf 'HTTP/1.1 200 OK\r\n\r\n{}'")

    assert transcript.printed == ("HTTP/1.1 200 OK\r\n\r\n{}",)


def test_a_command_that_fails_ends_the_page(tmp_path: Path) -> None:
    transcript = run(tmp_path, "echo one", "echo wrong >&2\nfalse\necho two", "echo three")

    assert transcript.exit_code == 1
    assert transcript.printed == ("one\n", "")
    assert transcript.complaints == ("", "wrong\n")


def test_a_mistake_in_the_shell_language_ends_the_page(tmp_path: Path) -> None:
    transcript = run(tmp_path, "echo 'one", "echo two")

    assert transcript.exit_code != 0
    assert len(transcript.printed) == 1


def test_a_line_cut_at_an_ampersand_runs_in_the_background_of_the_same_shell(
    tmp_path: Path,
) -> None:
    transcript = run(tmp_path, "echo things?offset=0&limit=5\nwait", 'echo "$limit"')

    assert transcript.printed == ("things?offset=0\n", "5\n")


def test_what_is_left_in_the_background_ends_with_the_page(tmp_path: Path, held: int) -> None:
    transcript = run(tmp_path, "exec 9>held\nsleep 600 &")

    assert transcript.exit_code == 0
    assert is_let_go(held)


def test_a_page_that_does_not_come_to_its_end_is_stopped(tmp_path: Path, held: int) -> None:
    with pytest.raises(TimeoutError):
        run(tmp_path, "exec 9>held\nsleep 600 & wait", timeout_seconds=1)

    assert is_let_go(held)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """The reading end of a pipe, to see when the last process that writes to it is gone.

    The page's shell opens the other end itself, so that what it starts holds it from birth.
    """
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    yield reader
    os.close(reader)


def is_let_go(reader: int) -> bool:
    readable, _, _ = select.select([reader], [], [], 10)
    return bool(readable) and os.read(reader, 1) == b""


def test_printed_ports_and_folders_are_replaced_by_those_in_use(tmp_path: Path) -> None:
    transcript = run(
        tmp_path, "echo http://localhost:9000/things", "echo .venv/bin/supermq .data/secrets"
    )

    assert transcript.printed == (
        "http://localhost:12345/things\n",
        f"{tmp_path}/programs/supermq {tmp_path}/secrets\n",
    )


def test_only_ports_are_replaced() -> None:
    commands = "SMQ_PROVISION_HTTP_PORT=9000 curl http://localhost:9000/9000 -d 9000"

    assert use_ports(commands, {9000: 1}) == (
        "SMQ_PROVISION_HTTP_PORT=1 curl http://localhost:1/9000 -d 9000"
    )


def test_a_port_that_is_not_in_use_is_refused() -> None:
    with pytest.raises(GuideError, match="9002"):
        use_ports("curl http://localhost:9002/users", {9000: 1})
