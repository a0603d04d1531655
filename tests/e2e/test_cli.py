"""`supermq-cli`, the real program against the whole platform, by hand and in scripts."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import pytest

from shared.clients.platform import Addresses, open_platform
from shared.contracts.users import CreateUserBody, UserCredentialsBody
from tests.e2e.answers import FORMS
from tests.e2e.running import ROOT, Platform, clean_environment, client_variables
from tests.e2e.terminal import PROGRAM, command_line_of, in_pipe, on_terminal

pytestmark = pytest.mark.xdist_group("e2e")

SECRET = "12345678"


@pytest.fixture
def environment(platform: Platform, tmp_path: Path) -> dict[str, str]:
    """Where the platform is, with nobody logged in."""
    return clean_environment() | client_variables(platform, tmp_path)


@pytest.fixture
async def operator(environment: dict[str, str], platform: Platform) -> dict[str, str]:
    """The same with a token of somebody new."""
    who = UserCredentialsBody(f"{uuid4()}@example.com", SECRET)
    async with open_platform(Addresses(users=platform.users)) as services:
        await services.users.register(CreateUserBody(credentials=who))
        tokens = await services.users.login(who.identity, who.secret)
    return {**environment, "SMQ_TOKEN": tokens.access_token}


def test_by_hand_secrets_are_asked_for_and_tables_have_colours(
    environment: dict[str, str],
) -> None:
    identity = "by.hand@example.com"
    with on_terminal(environment, "users", "create", identity) as terminal:
        terminal.read_until("password: ")
        terminal.type(SECRET)
        terminal.read_until("Repeat for confirmation: ")
        terminal.type(SECRET)
        assert terminal.end() == 0
        assert SECRET not in terminal.seen
    with on_terminal(environment, "login", identity) as terminal:
        terminal.read_until("password: ")
        terminal.type(SECRET)
        assert terminal.end() == 0
        assert f"logged in as {identity}" in terminal.seen
    with on_terminal(environment, "things", "create", "a", "b") as terminal:
        assert terminal.end() == 0
        assert "\x1b[32menabled" in terminal.seen
        assert terminal.seen.count("enabled") == 2


def test_by_hand_a_run_over_a_file_shows_how_far_it_is(
    operator: dict[str, str], tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "rows.csv", "things create", 30)

    with on_terminal(operator, "things", "create", "--from", str(file)) as terminal:
        assert terminal.end() == 0

    assert "/30\x1b" in terminal.seen  # the bar
    assert "complete: of 30 rows 30 created" in terminal.seen


def test_behind_one_front_door_everything_is_found_and_trusted_by_its_authority(
    operator: dict[str, str], platform: Platform
) -> None:
    environment = {name: text for name, text in operator.items() if not name.endswith("_URL")}
    door = ("--url", f"https://localhost:{platform.ports[8443]}")
    trust = ("--ca-cert", str(platform.data / "tls" / "ca.crt"))

    untrusted = in_pipe(environment, "users", "profile", *door)
    loudly = in_pipe(environment, "users", "profile", *door, "--insecure")
    health = in_pipe(environment, "health", *door, *trust, "--output", "name")
    policies = in_pipe(environment, "policies", "list", *door, *trust)
    connections = in_pipe(environment, "policies", "list", "--channel", *door, *trust)

    assert (untrusted.returncode, "is not trusted" in untrusted.stderr) == (6, True)
    assert "--ca-cert" in untrusted.stderr
    assert (loudly.returncode, "WARNING: " in loudly.stderr) == (0, True)
    assert (health.returncode, len(health.stdout.splitlines())) == (0, 6)
    assert [each.returncode for each in (policies, connections)] == [0, 0]


def test_the_lines_of_the_document_work_as_printed(environment: dict[str, str]) -> None:
    created = in_pipe(environment, "users", "create", "as.printed@email.com", SECRET)
    again = in_pipe(environment, "users", "create", "as.printed@email.com", SECRET)
    token = in_pipe(environment, "users", "token", "as.printed@email.com", SECRET)
    wrong = in_pipe(environment, "users", "token", "as.printed@email.com", "another")
    with on_terminal(environment, "users", "token", "as.printed@email.com", SECRET) as terminal:
        assert terminal.end() == 0

    assert (created.returncode, again.returncode) == (0, 5)
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert "error: failed to perform authentication over the entity" in wrong.stderr
    assert re.fullmatch(FORMS["token"] + "\n", token.stdout)
    assert "--secret-file" in token.stderr
    assert re.search(f"created: {FORMS['token']}\r\n", terminal.seen)


def test_a_password_is_not_to_be_seen_in_the_list_of_processes(
    environment: dict[str, str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        arguments = ["users", "token", "a@example.com", "hidden-pass", "--timeout", "30"]
        process = subprocess.Popen(
            [*PROGRAM, *arguments, "--url", f"http://127.0.0.1:{port}"],
            env=environment,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)  # now it has asked, and waits
                shown = command_line_of(process.pid)
        finally:
            process.kill()
            process.wait()

    assert shown.strip() == "supermq-cli users …"


def test_a_login_is_kept_for_its_platform_until_logout(
    environment: dict[str, str], platform: Platform
) -> None:
    in_pipe(environment, "users", "create", "kept@example.com", SECRET)

    login = in_pipe(
        environment, "login", "kept@example.com", "--secret-file", "-", given=f"{SECRET}\n"
    )
    profile = in_pipe(environment, "users", "profile", "--output", "json")
    elsewhere = in_pipe(environment, "users", "profile", "--url", platform.things)
    logout = in_pipe(environment, "logout")
    after = in_pipe(environment, "users", "profile")

    assert (login.returncode, login.stderr, login.stdout) == (0, "", "")
    assert json.loads(profile.stdout)["credentials"] == {"identity": "kept@example.com"}
    assert (elsewhere.returncode, "is for" in elsewhere.stderr) == (3, True)
    assert (logout.returncode, after.returncode) == (0, 3)


def test_scripts_get_exact_output_and_codes(operator: dict[str, str]) -> None:
    made = in_pipe(operator, "things", "create", "one", "two", "three", "--output", "name")
    listed = in_pipe(operator, "things", "list", "--output", "name", "--all")
    part = in_pipe(operator, "things", "list", "--limit", "1", "--output", "json")
    unknown = in_pipe(operator, "things", "get", "9dd12d93-21c9-4147-92fe-769386efb6cc")
    refused = in_pipe(operator, "users", "role", "9dd12d93-21c9-4147-92fe-769386efb6cc", "admin")

    assert made.stdout == listed.stdout
    assert [json.loads(part.stdout)[name] for name in ("total", "offset", "limit")] == [3, 0, 1]
    assert (unknown.returncode, unknown.stdout) == (4, "")
    assert unknown.stderr == "error: entity not found\n"
    assert refused.returncode == 3


def test_a_gateway_is_planned_mapped_shown_fetched_and_removed(
    operator: dict[str, str], tmp_path: Path
) -> None:
    label = ("B8:27:EB/e2e é", "label key")

    plan = in_pipe(operator, "provision", "plan", label[0])
    mapped = in_pipe(operator, "provision", "mapping", *label, "--output", "json")
    again = in_pipe(operator, "provision", "mapping", *label)
    other = in_pipe(operator, "provision", "mapping", label[0], "--secret-file", "-", given="x")
    fetched = in_pipe(operator, "bootstrap", "fetch", *label, "--write", str(tmp_path / "agent"))
    deleted = in_pipe(operator, "provision", "delete", label[0])
    gone = in_pipe(operator, "bootstrap", "fetch", *label)

    assert "control-channel" in plan.stdout
    thing = json.loads(mapped.stdout)["things"][0]["id"]
    assert thing in again.stdout
    assert "was set up already" in again.stdout
    assert (other.returncode, "differs: external_key" in other.stderr) == (5, True)
    assert f'username = "{thing}"' in (tmp_path / "agent" / "config.toml").read_text()
    assert [each.returncode for each in (fetched, deleted, gone)] == [0, 0, 4]


def test_a_thing_gets_a_certificate_and_sends_a_message(
    operator: dict[str, str], tmp_path: Path
) -> None:
    thing = json.loads(in_pipe(operator, "things", "create", "t", "--output", "json").stdout)
    channel = in_pipe(operator, "channels", "create", "c", "--output", "name").stdout.strip()

    issued = in_pipe(
        operator, "certs", "issue", thing["id"], "--ttl", "24h", "--write", str(tmp_path / "certs")
    )
    listed = in_pipe(operator, "certs", "list", "--thing", thing["id"], "--output", "name")
    revoked = in_pipe(operator, "certs", "revoke", listed.stdout.strip())
    unconnected = in_pipe(operator, "messages", "send", channel, "[]", thing["key"])
    in_pipe(operator, "connect", thing["id"], channel)
    sent = in_pipe(
        operator, "messages", "send", f"{channel}.a.b", "--file", "-", thing["key"], given="[]"
    )

    assert issued.stdout.count("\n") == 3
    assert (tmp_path / "certs" / "thing.key").stat().st_mode & 0o777 == 0o600
    assert [each.returncode for each in (revoked, unconnected, sent)] == [0, 3, 0]


@pytest.mark.parametrize(
    ("job", "number"),
    [("provision mapping", signal.SIGINT), ("things create", signal.SIGKILL)],
    ids=["mapping stopped", "things killed"],
)
def test_a_run_over_a_file_can_be_taken_up_again_and_does_each_row_once(
    job: str, number: signal.Signals, operator: dict[str, str], tmp_path: Path
) -> None:
    rows = 40
    file = write_rows(tmp_path / "rows.csv", job, rows)
    result = Path(f"{file}.result.ndjson")
    command = [*job.split(), "--from", str(file)]

    process = subprocess.Popen(
        [*PROGRAM, *command, "--parallel", "2"],
        env=operator,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: result.exists() and result.read_text().count("\n") > 3)
    process.send_signal(number)
    stopped = process.wait()
    resumed = in_pipe(operator, *command, "--resume", str(result), "--output", "json")

    what = ["provision", "list"] if job.startswith("provision") else ["things", "list"]
    listed = in_pipe(operator, *what, "--limit", "1", "--output", "json")
    assert stopped in {130, -number, 0}
    assert (resumed.returncode, json.loads(resumed.stdout)["complete"]) == (0, True)
    assert json.loads(listed.stdout)["total"] == rows


def write_rows(file: Path, job: str, count: int) -> Path:
    if job.startswith("provision"):
        lines = ["external_id,external_key", *(f"many-{row},key" for row in range(count))]
    else:
        lines = ["name,tags", *(f"thing {row},a;b" for row in range(count))]
    file.write_text("\n".join(lines) + "\n")
    return file


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not is_so():
        assert monotonic() < deadline
        sleep(0.005)
