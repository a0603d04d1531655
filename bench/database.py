"""The platform's PostgreSQL, called directly: what it does alone, and bringing it to rest."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import LoadError
from deploy.embedded import programs
from deploy.embedded.accounts import choose_account

_CONNECTIONS = 16


class Database:
    """The server of a running platform.

    Args:
        folder: Where the platform's data are and a script may be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = programs.postgres_programs(choose_account(folder), folder)
        parts = urlsplit((folder / "data/secrets/bench-url").read_text())
        self._url = f"postgresql://{parts.username}@{parts.hostname}:{parts.port}/things"
        self._environment = os.environ | {"PGPASSWORD": parts.password or ""}

    def run_pgbench(self, seconds: int) -> tuple[float, int]:
        """Write one row plus one outbox row in one statement, as often as it can be done.

        Returns:
            Transactions a second, and how many there were.
        """
        script = self._folder / "bench.sql"
        script.write_text(
            "WITH changed AS (INSERT INTO bench (payload) VALUES ('x') RETURNING id) "
            "INSERT INTO bench_outbox (payload) SELECT 'x' FROM changed;\n"
        )
        table = "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text)"
        for name in ("bench", "bench_outbox"):
            self._run(
                "psql",
                "-q",
                "-d",
                self._url,
                "-c",
                f"SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS {name} {table}",
            )
        told = self._run(
            "pgbench",
            "-n",
            "-M",
            "prepared",
            "-f",
            str(script),
            f"-c{_CONNECTIONS}",
            "-j1",
            f"-T{seconds}",
            self._url,
        )
        rate = re.search(r"tps = ([\d.]+)", told)
        count = re.search(r"transactions actually processed: (\d+)", told)
        if rate is None or count is None:
            raise LoadError(told)
        return float(rate[1]), int(count[1])

    def come_to_rest(self) -> None:
        """Do now what the server would do by itself in the minutes after a lot was written.

        Autovacuum looks only once a minute, and a checkpoint is spread over minutes.
        """
        self._run("vacuumdb", "--all", "--analyze", "--quiet", f"--maintenance-db={self._url}")
        self._run("psql", "-q", "-d", self._url, "-c", "CHECKPOINT")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            [str(self._programs / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
        if done.returncode:
            raise LoadError(done.stderr)
        return done.stdout
