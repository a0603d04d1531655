"""What can go wrong in a way that a person has to be told about, each as one line."""

from pathlib import Path


class EmbeddedError(Exception):
    """Something the operator has to know; its text is the one line that is printed."""


class ChildDied(EmbeddedError):
    """A child process ended although nobody asked it to."""

    def __init__(self, name: str, ending: str, last_line: str, log: Path) -> None:
        super().__init__(f"{name} {ending}: {last_line or 'it said nothing'} (log: {log})")
        self.name = name


class NotReadyInTime(EmbeddedError):
    """A child process runs but does not answer as ready."""

    def __init__(self, name: str, seconds: float, last_line: str, log: Path) -> None:
        last = f": {last_line}" if last_line else ""
        super().__init__(f"{name} was not ready after {seconds:g} s{last} (log: {log})")
        self.name = name


class BrokenFolder(EmbeddedError):
    """The data folder cannot be used as it is."""


class AlreadyRunning(EmbeddedError):
    """Another supervisor holds the data folder."""


class PortTaken(EmbeddedError):
    """A port that is needed is in use."""


class InvalidSetting(EmbeddedError):
    """An environment variable has a value that makes no sense."""
