"""No command of the documents that the guides retell is missing in the guides.

The documents are not part of this repository: `SMQ_TEST_DOCUMENTS` names the folder they are in.
"""

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.e2e.commands import commands_of_text, is_cut_by_shell, missing_in_order, normalise
from tests.e2e.guides import parse_guide

ROOT = Path(__file__).parents[2]
LAYOUT = ROOT / "deploy/addons/provision/configs/config.toml"
LAYOUT_LINE = re.compile(r"\[{1,2}[\w.]+\]{1,2}|\w+ = .+|")

pytestmark = pytest.mark.skipif(
    not os.environ.get("SMQ_TEST_DOCUMENTS"), reason="SMQ_TEST_DOCUMENTS is not set"
)


def documents() -> list[list[str]]:
    folder = Path(os.environ["SMQ_TEST_DOCUMENTS"])
    return [path.read_text().splitlines() for path in sorted(folder.iterdir()) if path.is_file()]


def guide_commands() -> dict[str, list[str]]:
    return {
        path.name: [
            command
            for block in parse_guide(path.name, path.read_text()).commands()
            for command in commands_of_text(block.splitlines())
        ]
        for path in sorted((ROOT / "docs").glob("guide*.md"))
    }


def test_every_command_of_a_document_is_shown_by_one_guide_in_the_same_order() -> None:
    shown = {
        name: [normalise(command) for command in commands]
        for name, commands in guide_commands().items()
    }

    for lines in documents():
        wanted = [normalise(command) for command in commands_of_text(lines)]
        assert len(wanted) > 10, "hardly any command was found in the document"
        missing = {name: missing_in_order(wanted, commands) for name, commands in shown.items()}
        assert [] in missing.values(), missing


def test_commands_that_a_shell_cuts_are_shown_as_printed_and_quoted() -> None:
    shown = [command for commands in guide_commands().values() for command in commands]
    as_printed = {normalise(command) for command in shown if is_cut_by_shell(command)}
    quoted = {normalise(command) for command in shown if not is_cut_by_shell(command)}

    wanted = {
        normalise(command)
        for lines in documents()
        for command in commands_of_text(lines)
        if is_cut_by_shell(command)
    }

    assert wanted
    assert wanted - as_printed == set()
    assert wanted - quoted == set()


def test_the_layout_is_the_one_the_document_prints() -> None:
    printed = [
        tomllib.loads("\n".join(block)) for lines in documents() if (block := layout_lines(lines))
    ]

    assert printed == [tomllib.loads(LAYOUT.read_text())]


def layout_lines(lines: list[str]) -> list[str]:
    """The part of a document from the first line of its layout to the first that is none."""
    found: list[str] = []
    for line in lines:
        if found or line == "[bootstrap]":
            if not LAYOUT_LINE.fullmatch(line):
                break
            found.append(line)
    return found
