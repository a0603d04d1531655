"""PostgreSQL, Valkey and nats-server on loopback, each with its data in a folder of its own.

Usable without the rest of the platform: tests start one set per run, on free ports.
"""

import json
import re
import signal
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded import cluster, programs
from deploy.embedded.accounts import choose_account
from deploy.embedded.broker import CORE, DEVICES, SYSTEM, broker_settings, user_of
from deploy.embedded.errors import BrokenFolder
from deploy.embedded.part import all_at_once
from deploy.embedded.ports import LOOPBACK, free_port, is_taken
from deploy.embedded.process import Command
from deploy.embedded.secrets import read_or_make_secret, write_private_file
from deploy.embedded.server import USER, Server, server_environment
from shared.messaging.nkeys import AccountKey, new_seed


class PostgresServer(Server):
    """PostgreSQL; the role `supermq` may do everything, no database exists but `postgres`."""

    kind = "postgres"
    scheme = "postgresql"

    @cached_property
    def password(self) -> str:
        """The password of the role `supermq`, fixed when the cluster is made.

        Raises:
            BrokenFolder: There is a cluster, but its password is lost.
        """
        data = cluster.cluster_folder(self.folder)
        if (data / "PG_VERSION").exists() and not self._password_file.exists():
            raise BrokenFolder(
                f"the database in {data} has lost its password: {self._password_file} is missing"
            )
        return read_or_make_secret(self._password_file)

    async def prepare(self) -> Command:
        """Make the database cluster if there is none."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        account = choose_account(cluster.cluster_folder(self.folder))
        data = cluster.Cluster(home=self.folder, account=account)
        directory = programs.postgres_programs(account, self.folder)
        password = self.password
        durable = self._settings.get("fsync") != "off"
        if not data.is_made:
            self._progress("first start, initialising")
            await data.make(
                directory,
                password,
                log=self.log,
                environment=server_environment(),
                durable=durable,
            )
        data.remove_stale_lock()
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
        }
        return Command(
            name=self.name,
            arguments=(
                str(directory / "postgres"),
                *("-D", data.argument(data.folder)),
                *(
                    argument
                    for name, value in settings.items()
                    for argument in ("-c", f"{name}={value}")
                ),
            ),
            log=self.log,
            environment=server_environment(),
            folder=data.folder,
            account=account,
            # "Fast": it ends the connections; SIGTERM would wait for them to go by themselves.
            stop_signal=signal.SIGINT,
            grace_seconds=30,
            # After a crash it may have much to recover.
            ready_seconds=300,
            complaint=cluster.COMPLAINT,
        )


class ValkeyServer(Server):
    """Valkey, a Redis work-alike; every write goes to its append-only file."""

    kind = "valkey"
    scheme = "redis"

    @property
    def url(self) -> str:
        """Where programs connect, with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def check_password(self) -> str:
        """It answers nobody who has not said the password."""
        return self.password

    async def prepare(self) -> Command:
        """Write its configuration, which holds the password."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": json.dumps(str(self.folder), ensure_ascii=False),
            "appendonly": "yes",
            "save": '""',
            "requirepass": self.password,
            # A changed process title would not be recognised as ours after a crash.
            "set-proc-title": "no",
            **self._settings,
        }
        configuration = self.folder / "valkey.conf"
        write_private_file(configuration, "".join(f"{k} {v}\n" for k, v in settings.items()))
        return Command(
            name=self.name,
            arguments=(str(programs.valkey_program()), str(configuration)),
            log=self.log,
            environment=server_environment(),
            folder=self.folder,
            complaint=re.compile(r" # (?!WARNING)(.*)"),
        )


class NatsServer(Server):
    """nats-server with JetStream; ready when JetStream has recovered its streams."""

    kind = "nats"
    scheme = "nats"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        password_file: Path | None = None,
        log: Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            folder, port, settings, password_file=password_file, log=log, progress=progress
        )
        self._further = {name: free_port() for name in ("monitor", "mqtt", "websocket")}
        self._chosen = set(self._further)

    @property
    def check_url(self) -> str:
        """An open port is not enough: JetStream may still be recovering."""
        return f"http://{LOOPBACK}:{self._further['monitor']}/healthz"

    @property
    def device_urls(self) -> tuple[str, str]:
        """Where devices connect by MQTT, plainly and over WebSocket."""
        return (
            f"mqtt://localhost:{self.mqtt_port}",
            f"ws://localhost:{self.websocket_port}/mqtt",
        )

    @property
    def mqtt_port(self) -> int:
        """Where it listens for MQTT."""
        return self._further["mqtt"]

    @property
    def websocket_port(self) -> int:
        """Where it listens for MQTT over WebSocket."""
        return self._further["websocket"]

    @property
    def devices_url(self) -> str:
        """Where the platform connects to talk with devices."""
        return self._url_in(DEVICES)

    @property
    def system_url(self) -> str:
        """Where the platform connects to see to the connections themselves."""
        return self._url_in(SYSTEM)

    @property
    def issuer_seed(self) -> str:
        """The key of who lets devices in."""
        return read_or_make_secret(self._secret_file("issuer-seed"), new_seed)

    def use_port(self, name: str, port: int) -> None:
        """Use this very port for `monitor`, `mqtt` or `websocket`."""
        self._further[name] = port
        self._chosen.discard(name)

    def _url_in(self, account: str) -> str:
        password = self._password_in(account)
        return f"{self.scheme}://{user_of(account)}:{password}@{LOOPBACK}:{self.port}"

    def _password_in(self, account: str) -> str:
        if account == CORE:
            return self.password
        return read_or_make_secret(self._secret_file(f"{user_of(account)}-password"))

    def _secret_file(self, name: str) -> Path:
        return self._password_file.with_name(
            self._password_file.name.removesuffix("password") + name
        )

    def _move_from_snatched_port(self) -> bool:
        snatched = [name for name in self._chosen if is_taken(self._further[name])]
        for name in snatched:
            self._further[name] = free_port()
        return super()._move_from_snatched_port() or bool(snatched)

    async def prepare(self) -> Command:
        """Write its configuration, which holds the hashes of the passwords."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = json.dumps(str(self.folder), ensure_ascii=False)
        ports = self._further
        settings = {
            "server_name": USER,
            "listen": f'"{LOOPBACK}:{self.port}"',
            "http": f'"{LOOPBACK}:{ports["monitor"]}"',
            "jetstream": f"{{ store_dir: {store}, max_memory_store: 256MB, max_file_store: 10GB }}",
            **broker_settings(
                {account: self._password_in(account) for account in (CORE, DEVICES, SYSTEM)},
                AccountKey(self.issuer_seed).public,
            ),
            "mqtt": f'{{ listen: "{LOOPBACK}:{ports["mqtt"]}", js_api_timeout: 15s }}',
            # Whoever wants TLS puts a proxy in front; this one listens on loopback.
            "websocket": f'{{ listen: "{LOOPBACK}:{ports["websocket"]}", no_tls: true }}',
            **self._settings,
        }
        configuration = self.folder / "nats.conf"
        write_private_file(configuration, "".join(f"{k}: {v}\n" for k, v in settings.items()))
        return Command(
            name=self.name,
            arguments=(str(programs.nats_program()), "--config", str(configuration)),
            log=self.log,
            environment=server_environment(),
            folder=self.folder,
            complaint=re.compile(r"\[(?:FTL|ERR)\] (.*)"),
        )


class EmbeddedServers:
    """One of each server, all at the same time, on free ports.

    Args:
        folder: Their homes go below it.
        postgres_settings: Changes to PostgreSQL's settings, for instance `{"fsync": "off"}`.
    """

    def __init__(self, folder: Path, *, postgres_settings: Mapping[str, str] | None = None) -> None:
        self.postgres = PostgresServer(folder / "postgres", settings=postgres_settings)
        self.valkey = ValkeyServer(folder / "valkey")
        self.nats = NatsServer(folder / "nats")

    async def start(self) -> None:
        """Start all three and wait until they are ready; if one fails, stop the others."""
        try:
            await all_at_once(self.postgres.start(), self.valkey.start(), self.nats.start())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all three."""
        await all_at_once(self.postgres.stop(), self.valkey.stop(), self.nats.stop())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()
