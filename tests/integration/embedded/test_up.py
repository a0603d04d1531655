"""`supermq up` from its first line to its last, with stand-ins for the services."""

import http.client
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from deploy.embedded.identity import command_line
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.servers import ValkeyServer
from tests.integration.embedded.supermq import SERVERS, SERVICES, Supermq, wait_until_gone


def test_it_names_every_part_and_then_says_ready(supermq: Supermq) -> None:
    supermq.up_and_ready()

    text = "\n".join(supermq.lines)
    assert "postgres     first start, initialising" in supermq.lines
    for name, scheme in (("postgres", "postgresql"), ("valkey", "redis"), ("nats", "nats")):
        port = supermq.ports[{"valkey": "redis"}.get(name, name)]
        assert re.search(rf"^{name} +{scheme}://localhost:{port}$", text, re.MULTILINE)
    for name in SERVICES:
        assert re.search(rf"^{name} +http://localhost:{supermq.ports[name]}$", text, re.MULTILINE)
    password_file = supermq.data / "secrets" / "admin-password"
    assert re.match(r"ready +in \d+\.\d s; admin admin@localhost.localdomain, ", supermq.lines[-1])
    assert supermq.lines[-1].endswith(f"password in {password_file}")
    assert password_file.stat().st_mode & 0o777 == 0o600
    assert (supermq.data / "secrets").stat().st_mode & 0o777 == 0o700


def test_stopping_ends_everything_in_order_and_the_next_start_finds_it_again(
    supermq: Supermq,
) -> None:
    process = supermq.up_and_ready()
    children = supermq.children()
    admin_password = (supermq.data / "secrets" / "admin-password").read_text()

    said = supermq.stop(process)

    assert said.startswith("stopping ")
    assert supermq.journal.read_text().split() == list(reversed(SERVICES))
    assert not any(identity.alive() for identity in children.values())

    again = supermq.up_and_ready()
    assert not any("initialising" in line for line in supermq.lines)
    assert supermq.get("users", "/environment")["SMQ_USERS_ADMIN_PASSWORD"] == (
        admin_password.strip()
    )
    again.send_signal(signal.SIGINT)
    assert again.wait(30) == 0


def test_services_are_told_where_everything_is(supermq: Supermq, tmp_path: Path) -> None:
    supermq.up_and_ready(
        {"SMQ_USERS_ACCESS_TOKEN_DURATION": "1h", "MF_USERS_PASS_REGEX": "^.{8,}$"}
    )

    told = supermq.get("things", "/environment")
    users = supermq.get("users", "/environment")

    ports = supermq.ports
    assert re.fullmatch(
        rf"postgresql://supermq:[\w-]+@127.0.0.1:{ports['postgres']}", told["SMQ_DATABASE_URL"]
    )
    assert re.fullmatch(rf"redis://:[\w-]+@127.0.0.1:{ports['redis']}/0", told["SMQ_REDIS_URL"])
    assert re.fullmatch(rf"nats://supermq:[\w-]+@127.0.0.1:{ports['nats']}", told["SMQ_NATS_URL"])
    assert told["SMQ_STATE_DIR"] == str(supermq.data / "secrets")
    for name in SERVICES:
        assert told[f"SMQ_{name.upper()}_URL"] == f"http://127.0.0.1:{ports[name]}"
        assert told[f"SMQ_{name.upper()}_HTTP_HOST"] == LOOPBACK
    assert users["SMQ_USERS_ADMIN_EMAIL"] == "admin@localhost.localdomain"
    assert users["SMQ_USERS_ACCESS_TOKEN_DURATION"] == "1h"
    assert users["SMQ_USERS_MAIL_FOLDER"] == str(supermq.data / "logs" / "mail")
    assert "SMQ_USERS_PASS_REGEX" not in users
    assert "SMQ_USERS_ADMIN_PASSWORD" not in told


def test_no_secret_is_printed_logged_or_on_a_command_line(supermq: Supermq) -> None:
    process = supermq.up_and_ready()
    secrets = {path.read_text().strip() for path in (supermq.data / "secrets").iterdir()}
    shown = [" ".join(command_line(child.pid)) for child in supermq.children().values()]
    shown.append(supermq.call("status").stdout)
    shown.append((supermq.data / "run.json").read_text())

    shown.append(supermq.stop(process))

    shown += [*supermq.lines, *(log.read_text() for log in (supermq.data / "logs").iterdir())]
    assert len(secrets) > 4
    assert not [secret for secret in secrets for text in shown if secret in text]


def test_a_server_of_the_operators_own_is_taken_over(supermq: Supermq) -> None:
    supermq.up_and_ready()
    url = supermq.get("users", "/environment")["SMQ_REDIS_URL"]
    other = Supermq(supermq.data.with_name("other"), supermq.journal)
    try:
        other.up_and_ready({"SMQ_REDIS_URL": url})

        public = f"redis://localhost:{supermq.ports['redis']}/0".replace("localhost", LOOPBACK)
        assert f"valkey       {public} (external)" in other.lines
        assert "valkey" not in other.children()
        assert other.get("users", "/environment")["SMQ_REDIS_URL"] == url
        assert [part["external"] for part in other.status()["parts"]][:3] == [False, True, False]
        assert other.status()["ready"]
    finally:
        other.end()


def test_a_port_that_is_taken_stops_the_start_before_anything_begins(supermq: Supermq) -> None:
    with socket.create_server((LOOPBACK, supermq.ports["things"])):
        line = supermq.failing_up()

    assert f"port {supermq.ports['things']} (things, SMQ_THINGS_HTTP_PORT) is already taken" in line
    assert not (supermq.data / "postgres").exists()


def test_a_second_run_on_the_same_folder_is_refused(supermq: Supermq) -> None:
    process = supermq.up_and_ready()

    assert f"already runs on {supermq.data} (process {process.pid})" in supermq.failing_up()

    assert supermq.status()["ready"]


@pytest.mark.parametrize("name", [*SERVERS, "users", "provision"])
def test_a_child_that_is_killed_ends_the_rest(supermq: Supermq, name: str) -> None:
    process = supermq.up_and_ready()
    children = supermq.children()

    os.kill(children[name].pid, signal.SIGKILL)

    line = supermq.complaint(process)
    assert line.startswith(f"supermq: {name} was ended by SIGKILL: ")
    assert f"(log: {supermq.data / 'logs' / name}.log)" in line
    assert not any(identity.alive() for identity in children.values())
    assert supermq.call("status").returncode == 3


def test_a_service_that_dies_is_reported_with_its_last_words(supermq: Supermq) -> None:
    process = supermq.up_and_ready()

    with pytest.raises(http.client.RemoteDisconnected):
        supermq.get("things", "/die")

    assert supermq.complaint(process) == (
        "supermq: things ended with exit code 7: the reason why it died "
        f"(log: {supermq.data / 'logs' / 'things.log'})\n"
    )


def test_a_service_that_dies_at_the_start_ends_the_rest(supermq: Supermq) -> None:
    line = supermq.failing_up({"STAND_IN_FAILS": "bootstrap"})

    assert line.startswith("supermq: bootstrap ended with exit code 1: it was told to fail (log: ")
    assert not (supermq.data / "run.json").exists()


def test_children_end_with_a_supervisor_that_is_killed(supermq: Supermq) -> None:
    process = supermq.up_and_ready()
    children = supermq.children()

    process.kill()
    process.wait()

    assert set(children) == {*SERVERS, *SERVICES}
    for identity in children.values():
        wait_until_gone(identity)
    assert supermq.call("status").returncode == 3
    supermq.up_and_ready()


def test_stopping_works_while_it_still_starts(supermq: Supermq) -> None:
    process = supermq.up()
    assert process.stdout is not None
    process.stdout.readline()

    process.terminate()

    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    supermq.up_and_ready()


def test_asking_twice_does_not_wait_for_the_services(supermq: Supermq) -> None:
    process = supermq.up_and_ready({"STAND_IN_HANGS": "provision"})
    assert process.stdout is not None
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline().startswith("stopping ")

    process.send_signal(signal.SIGINT)

    assert process.wait(10) == 0
    assert not (supermq.data / "postgres" / "cluster" / "postmaster.pid").exists()


def test_it_goes_on_when_nobody_reads_what_it_says(supermq: Supermq) -> None:
    process = supermq.up()
    assert process.stdout is not None
    process.stdout.close()

    deadline = time.monotonic() + 30
    while not supermq.status()["ready"]:
        assert time.monotonic() < deadline
        assert process.poll() is None

    process.terminate()
    assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("SMQ_THINGS_HTTP_PORT", "many", "SMQ_THINGS_HTTP_PORT=many is not a port"),
        ("SMQ_DATA_DIR", "/proc/nowhere", "/proc/nowhere"),
        ("SMQ_DATA_DIR", __file__, "is not a folder"),
        ("SMQ_DATA_DIR", str(Path(__file__).parent), "is not a data folder of supermq"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    supermq: Supermq, variable: str, text: str, complaint: str
) -> None:
    assert complaint in supermq.failing_up({variable: text})


def test_a_database_of_another_version_is_refused(supermq: Supermq) -> None:
    supermq.stop(supermq.up_and_ready())
    (supermq.data / "postgres" / "cluster" / "PG_VERSION").write_text("15\n")

    assert "was made by PostgreSQL 15" in supermq.failing_up()


async def test_an_external_server_that_is_not_there_is_reported(
    supermq: Supermq, tmp_path: Path
) -> None:
    async with ValkeyServer(tmp_path / "valkey") as server:
        url = server.url

    line = supermq.failing_up({"SMQ_REDIS_URL": url})

    assert f"nothing answers at redis://{LOOPBACK}:{server.port}/0 (from SMQ_REDIS_URL)" in line
    assert server.password not in line
