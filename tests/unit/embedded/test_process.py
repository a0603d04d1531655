"""What is read out of a log, and when a log is put aside."""

import re
from pathlib import Path

import pytest

from deploy.embedded import process
from deploy.embedded.cluster import COMPLAINT


@pytest.mark.parametrize(
    ("text", "complaint", "expected"),
    [
        ("", None, ""),
        ("first\nlast\n\n  \n", None, "last"),
        ("Traceback (most recent call last):\nValueError: no such key\n", None, "no such key"),
        ('{"event": "stopped", "error": "no database"}\n', None, "stopped: no database"),
        ('{"level": "info"}\n', None, '{"level": "info"}'),
        ("[1]\n", None, "[1]"),
        (
            "x [1] FATAL:  could not open\nx [1] HINT: try\nx [1] LOG:  shut down\n",
            COMPLAINT,
            "could not open",
        ),
        ("initdb: error: no space left\n", COMPLAINT, "no space left"),
        ("no complaint\nat all\n", re.compile("FATAL (.*)"), "at all"),
    ],
)
def test_the_line_that_says_why(
    text: str, complaint: re.Pattern[str] | None, expected: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("of an earlier run: FATAL: old\n" + text)
    start = len("of an earlier run: FATAL: old\n")

    assert process.last_line(log, start, complaint).endswith(expected)
    assert "old" not in process.last_line(log, start, complaint)


def test_a_missing_log_says_nothing(tmp_path: Path) -> None:
    assert process.last_line(tmp_path / "none", 0) == ""


def test_only_a_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT_BYTES", 3)
    log, old = tmp_path / "a.log", tmp_path / "a.log.1"

    log.write_text("abc")
    process.rotate_log(log)
    assert not old.exists()

    log.write_text("abcd")
    process.rotate_log(log)
    assert old.read_text() == "abcd"
    assert not log.exists()
