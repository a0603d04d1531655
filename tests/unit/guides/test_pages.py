"""The guides keep to their conventions, also where no platform is running."""

import os
import re
from pathlib import Path

import pytest

from tests.e2e.guides import Guide, parse_guide
from tests.e2e.running import ROOT, SECOND_PROVISION_PORT, USUAL_PORTS
from tests.e2e.session import run_guide, use_ports

PAGES = ("guide.md", "guide-legacy.md")
LAYOUT = ROOT / "deploy/addons/provision/configs/config.toml"


@pytest.fixture(params=PAGES)
def guide(request: pytest.FixtureRequest) -> Guide:
    page: str = request.param
    return parse_guide(page, (ROOT / "docs" / page).read_text())


def test_every_call_that_is_run_has_its_answer_shown(guide: Guide) -> None:
    without = [
        f"{guide.name}:{step.line}"
        for step in guide.steps
        if re.search(r"^curl (?!.*-o /dev/null)", step.commands, re.MULTILINE)
        and step.expected is None
    ]

    assert without == []


def test_the_pages_about_clients_keep_to_the_conventions() -> None:
    for page in ("cli.md", "python-client.md"):
        steps = parse_guide(page, (ROOT / "docs" / page).read_text()).steps
        assert any(step.expected is not None and step.expected.is_text for step in steps)


def test_commands_name_no_port_but_those_of_the_platform(guide: Guide) -> None:
    ports = {port: port for port in (*USUAL_PORTS.values(), SECOND_PROVISION_PORT)}

    for step in guide.steps:
        assert use_ports(step.commands, ports) == step.commands


def test_the_helpers_of_the_page_look_things_up_in_the_last_answer(
    guide: Guide, tmp_path: Path
) -> None:
    stub = tmp_path / "bin" / "curl"
    stub.parent.mkdir()
    stub.write_text(r"""#!/bin/sh
    case "$1" in -i) printf 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n' ;; esac
    printf '{"things": [{"id": "first"}, {"id": "second"}], "text": "a b"}'
    """)
    stub.chmod(0o755)
    helpers = guide.steps[0].commands
    asks = ["curl -i", "answered things 1 id", "curl", "answered text", "answered none || true"]
    page = "".join(f"```bash\n{commands}\n```\n" for commands in [helpers, *asks])

    transcript = run_guide(
        parse_guide("page.md", page),
        ports={},
        paths={},
        environment=os.environ | {"PATH": f"{stub.parent}:{os.environ['PATH']}"},
        folder=tmp_path,
        working_folder=tmp_path,
        timeout_seconds=20,
    )

    body = '{"things": [{"id": "first"}, {"id": "second"}], "text": "a b"}'
    head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    assert transcript.printed == ("", head + body, "second\n", body, "a b\n", "")


def test_the_layout_shown_is_the_one_in_use() -> None:
    guide = parse_guide("guide.md", (ROOT / "docs/guide.md").read_text())

    layouts = [block.text for block in guide.blocks if block.language == "toml"]

    assert layouts == [LAYOUT.read_text()]
