"""`deploy/postgres/databases.sh` on a real PostgreSQL: databases, and roles that may little."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from deploy.embedded.programs import postgres_programs
from deploy.embedded.servers import PostgresServer
from shared.postgres.migrate import migrate
from shared.settings import ServiceSettings, load_settings

SCRIPT = Path(__file__).parents[3] / "deploy/postgres/databases.sh"
SERVICES = ("users", "things", "bootstrap", "provision", "certs")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A server of its own: roles belong to the whole of one."""
    settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    async with PostgresServer(tmp_path / "postgres", settings=settings) as server:
        yield server


def run(server: PostgresServer, round_: str) -> str:
    """Run the script as a composition does, with passwords of their own each time."""
    secrets = {
        f"SMQ_{service.upper()}_DB_{kind}": password(service, kind, round_)
        for service in SERVICES
        for kind in ("PASSWORD", "OWNER_PASSWORD")
    }
    programs = str(postgres_programs(None, Path("/")))
    told = subprocess.run(
        ["sh", str(SCRIPT)],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "supermq",
            "PGPASSWORD": server.password,
            **secrets,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (told.returncode, told.stderr) == (0, "")
    return told.stdout


def password(service: str, kind: str, round_: str) -> str:
    return f"it's ${service}\\{kind}{round_}"


def url(server: PostgresServer, database: str, role: str, secret: str) -> str:
    return f"postgresql://{role}:{quote(secret, safe='')}@127.0.0.1:{server.port}/{database}"


async def test_a_service_reads_and_writes_rows_and_can_do_nothing_else(
    server: PostgresServer,
) -> None:
    said = run(server, "1")
    assert run(server, "2") == said  # with new passwords, and nothing to make

    owner = url(server, "things", "things_owner", password("things", "OWNER_PASSWORD", "2"))
    environment = {"SMQ_THINGS_DATABASE_URL": owner, "SMQ_THINGS_HTTP_PORT": "1"}
    await migrate(
        "things", load_settings(ServiceSettings, service="things", environment=environment)
    )

    secret = password("things", "PASSWORD", "2")
    own = await asyncpg.connect(url(server, "things", "things", secret))
    try:
        lacking = await own.fetch(
            """
            SELECT relname, privilege FROM pg_class
            CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
              AND NOT has_table_privilege(oid, privilege)
            """
        )
        assert lacking == []
        assert await own.fetchval("SELECT count(*) FROM things") == 0
        for forbidden in (
            "DROP TABLE things",
            "TRUNCATE things",
            "ALTER TABLE things ADD COLUMN x int",
            "CREATE TABLE x ()",
            "CREATE TEMPORARY TABLE x ()",
            "CREATE DATABASE x",
            "ALTER ROLE things SUPERUSER",
            "SET ROLE things_owner",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.execute(forbidden)
    finally:
        await own.close()
    for database in ("users", "postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(url(server, database, "things", secret))
    earlier = password("things", "PASSWORD", "1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url(server, "things", "things", earlier))
