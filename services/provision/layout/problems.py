"""What can be wrong with a layout file, and where."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from services.provision.layout.positions import START, Position


class Severity(StrEnum):
    """An error keeps the service from starting, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        code: Stable name of the kind of problem; docs/layouts.md lists them all.
        message: What is wrong.
        advice: What would be right.
    """

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.severity} [{self.code}] {self.message}; {self.advice}"


class Problems:
    """Collects what is wrong with one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Problem, None] = {}

    def error(self, code: str, message: str, advice: str, position: Position = START) -> None:
        """Something with which the service does not start."""
        self._add(Severity.ERROR, code, message, advice, position)

    def warning(self, code: str, message: str, advice: str, position: Position = START) -> None:
        """Something that works, though hardly as it was meant."""
        self._add(Severity.WARNING, code, message, advice, position)

    @property
    def has_errors(self) -> bool:
        """Whether the file cannot be used."""
        return any(problem.severity is Severity.ERROR for problem in self._found)

    def in_order(self) -> list[Problem]:
        """All of them, as they stand in the file."""
        return sorted(self._found, key=lambda problem: (problem.line, problem.column))

    def _add(
        self, severity: Severity, code: str, message: str, advice: str, position: Position
    ) -> None:
        problem = Problem(
            file=self.file,
            line=position.line,
            column=position.column,
            severity=severity,
            code=code,
            message=message,
            advice=advice,
        )
        self._found[problem] = None
