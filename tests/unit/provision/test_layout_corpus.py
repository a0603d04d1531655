"""Every file of the corpus: what the linter says, and that the start agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from services.provision.domain import LayoutError
from services.provision.layout.files import read_configuration
from services.provision.layout.reading import Reading, read_layout
from services.provision.settings import ProvisionSettings

CORPUS = Path(__file__).parent / "layouts"
EXPECTED: dict[str, list[str]] = tomli.loads((CORPUS / "expected.toml").read_text())
FAULTY = sorted(CORPUS.glob("faulty/*.toml"))
GOOD = sorted(CORPUS.glob("good/*.toml"))


def read(file: Path) -> Reading:
    """As the configuration file, or as a layout of the folder if its name says so."""
    return read_layout(
        file.read_bytes(),
        file=file.name,
        name=file.stem,
        settings=ProvisionSettings(),
        is_whole=not file.stem.startswith("folder-"),
    )


def test_the_corpus_is_complete() -> None:
    assert {file.stem for file in FAULTY} == set(EXPECTED)
    assert len(FAULTY) >= 50
    assert len(GOOD) >= 15


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_a_faulty_file_is_described_problem_by_problem(file: Path) -> None:
    problems = read(file).problems

    assert [
        f"{problem.line}:{problem.column} {problem.severity} {problem.code}" for problem in problems
    ] == EXPECTED[file.stem]
    assert all(problem.message and problem.advice for problem in problems)


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_file_is_a_layout_without_a_word(file: Path) -> None:
    reading = read(file)

    assert reading.problems == []
    assert reading.layout is not None


@pytest.mark.parametrize(
    "file", [*FAULTY, *GOOD], ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_the_start_refuses_exactly_what_the_linter_calls_an_error(file: Path) -> None:
    if file.stem.startswith("folder-"):
        settings = ProvisionSettings(config_file="missing.toml", layout_dir=str(file.parent))
    else:
        settings = ProvisionSettings(config_file=str(file))
    errors = [one for one in EXPECTED.get(file.stem, []) if " error " in one]
    errors = errors if file.parent.name == "faulty" else []

    try:
        read_configuration(settings)
        refused: list[str] = []
    except LayoutError as error:
        refused = [problem for problem in error.problems if f"{file.name}:" in problem]

    assert len(refused) == len(errors)
    for problem, expected in zip(refused, errors, strict=True):
        place, severity, code = expected.split()
        assert f":{place}: {severity} [{code}] " in problem


def test_every_code_is_in_the_manual() -> None:
    codes = {problem.split()[2] for problems in EXPECTED.values() for problem in problems}
    page = Path("docs/layouts.md").read_text()
    rows = " ".join(line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `"))

    assert [code for code in sorted(codes) if f"`{code}`" not in rows] == []
