"""Files: read as text, and written so that nobody else may read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cli.choices import CliError


def read_text(file: Path | None) -> str:
    """The text in a file, empty without one; raises CliError if it is none."""
    if file is None:
        return ""
    try:
        return file.read_text()
    except UnicodeDecodeError:
        raise CliError(f"{file} is not text") from None


def write_private(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write files into a folder, each as a whole or not at all; answers where they are."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [_write(folder / name, text) for name, text in files.items()]


def _write(file: Path, text: str) -> Path:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    draft.replace(file)
    return file
