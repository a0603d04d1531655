"""The guides say what happens: their commands run, and answer as the pages show."""

import sys
from pathlib import Path

import pytest

from tests.e2e.answers import Meanings, compare
from tests.e2e.front_door import through_front_door
from tests.e2e.guides import parse_guide
from tests.e2e.running import (
    ROOT,
    SECOND_PROVISION_PORT,
    Platform,
    clean_environment,
    client_variables,
    free_ports,
)
from tests.e2e.session import run_guide

pytestmark = pytest.mark.xdist_group("e2e")

TIMEOUT_SECONDS = 120


# In this order, as somebody would who first follows the one and then the other.
@pytest.mark.parametrize("page", ["guide.md", "guide-legacy.md", "cli.md", "python-client.md"])
def test_the_guide_runs_and_its_answers_are_those_it_shows(
    page: str, platform: Platform, tmp_path: Path
) -> None:
    check(page, (ROOT / "docs" / page).read_text(), platform, tmp_path)


@pytest.mark.parametrize("page", ["guide.md", "guide-legacy.md"])
def test_the_same_commands_work_through_the_front_door(
    page: str, platform: Platform, tmp_path: Path
) -> None:
    check(page, through_front_door((ROOT / "docs" / page).read_text()), platform, tmp_path)


def check(page: str, text: str, platform: Platform, folder: Path) -> None:
    """Run a page and compare what it shows."""
    guide = parse_guide(page, text)

    transcript = run_guide(
        guide,
        ports={**platform.ports, SECOND_PROVISION_PORT: free_ports(1)[0]},
        paths={".venv/bin": Path(sys.executable).parent, ".data": platform.data},
        environment=clean_environment() | client_variables(platform, folder),
        folder=folder,
        working_folder=ROOT,
        timeout_seconds=TIMEOUT_SECONDS,
    )

    meanings = Meanings()
    differences = [
        f"{page}:{step.expected.line}: {difference}"
        for step, printed in zip(guide.steps, transcript.printed, strict=False)
        if step.expected is not None
        for difference in compare(step.expected, printed, meanings)
    ]
    if transcript.exit_code != 0 and transcript.complaints:
        step = guide.steps[len(transcript.printed) - 1]
        differences.append(f"{page}:{step.line}: the command failed: {transcript.complaints[-1]}")
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)
    assert transcript.exit_code == 0
    assert len(transcript.printed) == len(guide.steps)
