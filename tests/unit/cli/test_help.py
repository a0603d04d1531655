"""Every command explains itself, quickly, with an example that is one."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from cli.app import root
from cli.commanding import Command
from cli.names import COMMANDS, PROGRAM
from tests.unit.cli.conftest import Cli


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, with the words that lead to it."""
    context = click.Context(root)

    def below(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, click.Command]]:
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from below((*path, name), inner)
        else:
            yield " ".join(path), command

    yield from below((), root)


LEAVES = dict(all_commands())


def complaint_of(command: click.Command, words: list[str]) -> str:
    """What is wrong with the words after a command; empty if nothing is."""
    try:
        command.make_context("command", words, parent=click.Context(root))
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("path", LEAVES)
def test_a_command_has_help_and_examples_that_can_be_typed(path: str) -> None:
    command = LEAVES[path]

    assert isinstance(command, Command)
    assert command.help
    assert command.examples
    for example in command.examples:
        words = shlex.split(example.partition(" >")[0].partition(" <")[0])
        named = path.split()
        assert words[: len(named)] == named
        # Files in examples do not exist here; everything else has to be in order.
        complaint = complaint_of(command, words[len(named) :])
        assert complaint == "" or "does not exist" in complaint


def test_the_help_of_a_command_shows_its_examples(cli: Cli) -> None:
    ran = cli("provision", "mapping", "--help")

    assert ran.code == 0
    assert f"  {PROGRAM} provision mapping --from gateways.csv --parallel 16\n" in ran.printed
    assert ran.printed.index("Options:") < ran.printed.index("Common options:")


def test_help_imports_nothing_that_takes_long() -> None:
    look = (
        "import sys; from cli.app import run; run(['--help']);"
        "print([m for m in ('aiohttp', 'rich', 'msgspec', 'asyncio') if m in sys.modules])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    ).stdout

    assert printed.splitlines()[-1] == "[]"
    assert all(f"  {name} " in printed for name in COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_completion_for_each_shell(shell: str, cli: Cli) -> None:
    ran = cli("completion", shell)

    assert (ran.code, PROGRAM in ran.printed) == (0, True)


def test_completion_knows_commands(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_SUPERMQ_CLI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"{PROGRAM} provision ma")
    monkeypatch.setenv("COMP_CWORD", "2")

    with pytest.raises(SystemExit):
        cli()

    assert capsys.readouterr().out == "plain,mapping\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("nonsense", "No such command 'nonsense'"),
        ("things get nonsense", "not a valid UUID"),
        ("things get", "Missing argument 'THING_ID'"),
        ("things list --limit 101", "101 is not in the range"),
        ("things list --limit 0", "0 is not in the range"),
        ("things list --offset -1", "-1 is not in the range"),
        ("things list --metadata []", "not a JSON object"),
        ("things list --metadata {", "not JSON"),
        ("things list --output yaml", "'yaml' is not one of"),
        ("things create", "a name is missing"),
        ("things create a b --id 9dd12d93-21c9-4147-92fe-769386efb6cc", "for one thing"),
        ("things create a --from rows.csv", "takes everything from the file"),
        ("things create a --result r", "go with --from"),
        ("provision mapping", "the external id is missing"),
        ("provision mapping id key --resume x", "does not exist"),
        ("provision mapping id key --from x", "from the file"),
        ("provision mapping --from - --parallel 65", "65 is not in the range"),
        ("provision mapping --from -", "need --result FILE"),
        ("provision mapping --from missing.csv", "No such file or directory"),
        ("users create a@example.com one --secret-file two", "given twice"),
        ("users create a@example.com --secret-file missing", "No such file or directory"),
        ("users create a@example.com ''", "the password is empty"),
        ("users create a@example.com", "the password is missing"),
        ("connect x y", "not a valid UUID"),
        ("bootstrap fetch x 'a\nb'", "the external key is more than one line"),
        ("things list --token 'a\nb'", "the token is more than one line"),
        ("login", "the e-mail address is missing"),
        ("users reset", "the token of the mail is missing"),
        ("things update 9dd12d93-21c9-4147-92fe-769386efb6cc --name \udcff --token x", "not UTF-8"),
        ("keys create a --expires soon", "not a time"),
        ("keys create a --expires 2027-01-01T00:00:00", "no time zone"),
        ("health nothing", "'nothing' is not one of"),
        ("--url nowhere health", "does not begin with http"),
        ("--ca-cert missing health", "does not exist"),
        ("profiles use", "Missing argument 'NAME'"),
        ("completion tcsh", "'tcsh' is not one of"),
    ],
)
def test_a_command_line_that_is_not_in_order_is_refused(
    arguments: str, complaint: str, cli: Cli
) -> None:
    ran = cli(*shlex.split(arguments))

    assert ran.code == 2
    assert complaint in ran.complained
    assert ran.printed == ""


def test_nobody_is_logged_in_at_first(cli: Cli) -> None:
    ran = cli("things", "list")

    assert ran.code == 3
    assert ran.complained == (
        "error: nobody is logged in under profile default\n"
        "hint: `supermq-cli login`, or give a token with --token or SMQ_TOKEN\n"
    )


def test_quiet_leaves_hints_out(cli: Cli) -> None:
    ran = cli("--quiet", "things", "list")

    assert ran.complained == "error: nobody is logged in under profile default\n"


def test_nobody_at_the_address_is_a_code_of_its_own(cli: Cli, unused_tcp_port: int) -> None:
    ran = cli("things", "list", "--url", f"http://127.0.0.1:{unused_tcp_port}", "--token", "x")

    assert ran.code == 6
    assert f"127.0.0.1:{unused_tcp_port}: Connection refused" in ran.complained
    assert "`supermq-cli health`" in ran.complained


def test_a_name_nobody_knows_is_told(cli: Cli) -> None:
    ran = cli("things", "list", "--url", "http://nobody.invalid", "--token", "x")

    assert ran.code == 6
    assert "error: things does not answer: nobody.invalid:80: " in ran.complained
    assert "Unknown error" not in ran.complained


async def test_an_address_that_does_not_speak_tls_is_told(
    cli: Cli, aiohttp_server: AiohttpServer
) -> None:
    server: TestServer = await aiohttp_server(web.Application())

    ran = await asyncio.to_thread(
        cli, "things", "list", "--url", f"https://localhost:{server.port}", "--token", "x"
    )

    assert (ran.code, "does not speak TLS" in ran.complained) == (6, True)


def test_linting_is_the_programs_own(cli: Cli, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.toml"
    faulty.write_text("things = 1\n")

    assert cli("provision", "lint", str(faulty)).code == 3


@pytest.mark.parametrize(("code", "own"), [(0, 0), (1, 3), (2, 2), (70, 2)])
def test_what_linting_comes_to_has_this_programs_codes(
    code: int, own: int, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(subprocess, "run", run)

    assert cli("provision", "lint", "a.toml", "-b", "--strict", "--", "-c").code == 2
    assert cli("provision", "lint", "--strict", "--layout", "--", "a.toml", "-b").code == own
    assert [command[3:] for command in ran] == [
        ["lint", "--strict", "--layout", "--", "a.toml", "-b"]
    ]
