"""`supermq-provision lint`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from services.provision.layout.lint import lint

WARNING = '[server]\nhtpp_port = "1"\n'
ERROR = "[[channels]]\nname = 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def run(*arguments: str) -> tuple[int, str]:
    output = StringIO()
    return lint(arguments, output), output.getvalue()


@pytest.mark.parametrize(
    ("text", "lenient", "strict"),
    [("", 0, 0), (WARNING, 0, 1), (ERROR, 1, 1), (WARNING + ERROR, 1, 1)],
)
def test_the_exit_code_tells_how_bad_it_is(
    file: Path, text: str, lenient: int, strict: int
) -> None:
    file.write_text(text)

    assert run(str(file))[0] == lenient
    assert run("--strict", str(file))[0] == strict


def test_a_line_says_where_how_bad_what_and_what_instead(file: Path) -> None:
    file.write_text(WARNING)

    assert run(str(file))[1] == (
        f"{file}:2:1: warning [unknown-key] unknown key server.htpp_port; did you mean http_port?\n"
    )


def test_json_has_the_same_by_members(file: Path) -> None:
    file.write_text(WARNING)

    assert json.loads(run("--output", "json", str(file))[1]) == [
        {
            "file": str(file),
            "line": 2,
            "column": 1,
            "severity": "warning",
            "code": "unknown-key",
            "message": "unknown key server.htpp_port",
            "advice": "did you mean http_port?",
        }
    ]


def test_json_of_a_clean_file_is_an_empty_list(file: Path) -> None:
    file.touch()

    assert run("--output", "json", str(file)) == (0, "[]\n")


def test_several_files_are_all_checked_even_if_one_cannot_be_read(file: Path) -> None:
    file.write_text(ERROR)
    missing = file.with_name("missing.toml")

    code, output = run(str(missing), str(file))

    assert code == 2
    assert "[unreadable]" in output
    assert "[wrong-type]" in output


def test_a_wrong_command_line_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        run("--colour")

    assert refused.value.code == 2
    assert "usage: supermq-provision lint" in capsys.readouterr().err


def test_a_malformed_variable_is_2(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.touch()
    monkeypatch.setenv("SMQ_PROVISION_HTTP_PORT", "web")

    assert run(str(file))[0] == 2
    assert "SMQ_PROVISION_HTTP_PORT is malformed" in capsys.readouterr().err


def test_the_environment_counts_as_at_the_start(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[bootstrap]\nautowhite_list = true\n")
    monkeypatch.setenv("MF_PROVISION_BS_CONFIG_PROVISIONING", "false")

    code, output = run(str(file))

    assert code == 1
    assert ":2:18: error [whitelist-without-config]" in output


def test_files_of_the_folder_are_checked_as_layouts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = tmp_path / "edge.toml"
    layout.write_text("[server]\nhttp_port = 1\n")
    file.write_text("[server]\nhttp_port = 1\n")

    assert "[server-key-ignored]" in run("--layout", str(layout))[1]
    assert run(str(layout))[1] == ""

    monkeypatch.setenv("SMQ_PROVISION_LAYOUT_DIR", str(tmp_path))
    monkeypatch.setenv("SMQ_PROVISION_CONFIG_FILE", str(file))
    assert "[server-key-ignored]" in run(str(layout))[1]
    assert run(str(file))[1] == ""


def test_the_command_needs_nothing_but_the_file(file: Path) -> None:
    file.write_text(ERROR)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMQ_")}

    done = subprocess.run(
        [sys.executable, "-m", "services.provision", "lint", str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{file}:2:8: error [wrong-type]")
