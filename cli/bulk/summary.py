"""What came of a run, in words that cannot be taken for more than it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cli.bulk.results import Line, summary_of
from cli.codes import INCOMPLETE, INTERRUPTED, OK
from cli.output import printable
from cli.shown import Page

_SHOWN_FAILURES = 10


@dataclass
class Summary:
    """Counts of one run.

    Attributes:
        done_before: By earlier runs, as their result file says.
        stopped_by: Why the run ended early by itself, and with which exit code.
    """

    file: str
    result_file: str
    rows: int
    created: int = 0
    replayed: int = 0
    failed: int = 0
    done_before: int = 0
    seconds: float = 0.0
    is_interrupted: bool = False
    stopped_by: str = ""
    stop_code: int = 0
    failures: list[Line] = field(default_factory=list)

    def count(self, line: Line) -> None:
        """Take a row's line into account."""
        if line.result == "created":
            self.created += 1
        elif line.result == "replayed":
            self.replayed += 1
        else:
            self.failed += 1
            if len(self.failures) < _SHOWN_FAILURES:
                self.failures.append(line)

    @property
    def tried(self) -> int:
        """How many rows this run has come to an end with."""
        return self.created + self.replayed + self.failed

    @property
    def not_tried(self) -> int:
        """How many rows nothing is known of yet."""
        return self.rows - self.tried - self.done_before

    @property
    def is_complete(self) -> bool:
        """Whether every row of the file is done, by this run or an earlier one."""
        return self.failed == 0 and self.not_tried == 0

    def shown(self) -> Page:
        """The summary, and the exit code."""
        return Page(self._body(), self._lines(), code=self._code())

    def _code(self) -> int:
        if self.is_complete:
            return OK
        if self.is_interrupted:
            return INTERRUPTED
        return self.stop_code or INCOMPLETE

    def _lines(self) -> list[str]:
        lines = [f"{self._verdict()} ({self._speed()})"]
        lines += [
            f"  row {line.row} ({printable(line.key)}): {printable(line.reason)}"
            for line in sorted(self.failures, key=lambda line: line.row)
        ]
        if self.failed > len(self.failures):
            lines.append(f"  and {self.failed - len(self.failures)} more")
        if self.stopped_by:
            lines.append(f"stopped: {self.stopped_by}")
        lines.append(f"results: {self.result_file}")
        if not self.is_complete:
            lines.append(f"what is missing: the same command with --resume {self.result_file}")
        return lines

    def _verdict(self) -> str:
        parts = [f"{self.created} created"]
        if self.replayed:
            parts.append(f"{self.replayed} there already")
        if self.done_before:
            parts.append(f"{self.done_before} done by earlier runs")
        if self.failed:
            parts.append(f"{self.failed} FAILED")
        if self.not_tried:
            parts.append(f"{self.not_tried} NOT TRIED")
        verdict = "complete" if self.is_complete else "NOT COMPLETE"
        if self.is_complete and not self.created:
            verdict = "nothing to do"
        return f"{verdict}: of {self.rows} rows {', '.join(parts)}"

    def _speed(self) -> str:
        rate = self.tried / self.seconds if self.seconds else 0.0
        return f"{self.seconds:.1f} s, {rate:.0f} rows/s"

    def _body(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "result_file": self.result_file,
            "complete": self.is_complete,
            "rows": self.rows,
            "created": self.created,
            "replayed": self.replayed,
            "done_before": self.done_before,
            "failed": self.failed,
            "not_tried": self.not_tried,
            "seconds": round(self.seconds, 3),
            "stopped_by": self.stopped_by or ("interrupt" if self.is_interrupted else ""),
            "failures": [summary_of(line) for line in self.failures],
        }
