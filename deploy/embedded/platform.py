"""The whole platform: its parts, their order, and what happens when one of them fails."""

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial

import msgspec

from deploy.embedded import services
from deploy.embedded.errors import ChildDied
from deploy.embedded.external import External
from deploy.embedded.folder import DataFolder
from deploy.embedded.front_door import FrontDoor, placeholders_from
from deploy.embedded.identity import Identity, command_line
from deploy.embedded.part import Part, all_at_once
from deploy.embedded.ports import LOOPBACK, WantedPort, check_ports
from deploy.embedded.process import Child
from deploy.embedded.record import PartRecord, RunRecord, end_leftovers, write_record
from deploy.embedded.secrets import read_or_make_secret
from deploy.embedded.server import Server
from deploy.embedded.servers import NatsServer, PostgresServer, ValkeyServer
from deploy.embedded.services import SERVICES, Service, ServiceSpec
from deploy.embedded.settings import Settings

# What else the broker listens for: its name there, the variable, and where; None is anywhere.
_BROKER_PORTS: tuple[tuple[str, str, int | None], ...] = (
    ("monitor", "SMQ_EMBEDDED_NATS_MONITOR_PORT", None),
    ("mqtt", "SMQ_EMBEDDED_MQTT_PORT", 1883),
    ("websocket", "SMQ_EMBEDDED_MQTT_WEBSOCKET_PORT", 8080),
)

# What is embedded, the variable that names one's own instead, and where it listens.
_SERVERS: tuple[tuple[type[Server], str, str, int], ...] = (
    (PostgresServer, "SMQ_DATABASE_URL", "SMQ_EMBEDDED_POSTGRES_PORT", 15432),
    (ValkeyServer, "SMQ_REDIS_URL", "SMQ_EMBEDDED_REDIS_PORT", 16379),
    (NatsServer, "SMQ_NATS_URL", "SMQ_EMBEDDED_NATS_PORT", 4222),
)
PART_NAMES = tuple(kind.kind for kind, *_ in _SERVERS) + tuple(spec.name for spec in SERVICES)

Report = Callable[[str, str], None]
"""Takes the name of a part, or another first word, and what there is to say about it."""


class Platform:
    """Servers and services on one machine, from start to stop.

    Args:
        folder: Where everything is kept; already claimed by the caller.
        settings: What the operator has set.
        specs: The services.
        tls: Whether to put the front door before the services.
        report: Told of each part's progress.

    Raises:
        InvalidSetting: A variable has a value that makes no sense.
    """

    def __init__(
        self,
        folder: DataFolder,
        settings: Settings,
        specs: tuple[ServiceSpec, ...] = SERVICES,
        report: Report = lambda _name, _text: None,
        *,
        tls: bool = False,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._specs = specs
        self._report = report
        self._stop_asked = asyncio.Event()
        self._deaths: asyncio.Queue[ChildDied] = asyncio.Queue()
        self._watchers: set[asyncio.Task[None]] = set()
        self._records: dict[str, PartRecord] = {}
        self._wanted_ports: list[WantedPort] = []
        self._left_out: dict[str, str] = {}
        self._servers = self._make_servers()
        self._front_door = self._make_front_door() if tls else None
        self._services = self._make_services()

    def ask_to_stop(self) -> None:
        """End `run`; asked a second time, do not wait any longer for the services."""
        if self._stop_asked.is_set():
            for service in self._services:
                if service.child is not None:
                    service.child.kill()
        self._stop_asked.set()

    async def run(self) -> None:
        """Start everything, wait until asked to stop, stop everything in reverse order.

        Raises:
            EmbeddedError: Something cannot be started or has died; the rest was stopped.
        """
        stopping = asyncio.create_task(self._stop_asked.wait())
        starting = asyncio.create_task(self._start())
        dying = asyncio.create_task(self._deaths.get())
        waiting: set[asyncio.Task[bool] | asyncio.Task[None] | asyncio.Task[ChildDied]]
        waiting = {stopping, starting, dying}
        try:
            while not stopping.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if dying in done:
                    raise dying.result()
                if starting in done:
                    starting.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(stopping, starting, dying, return_exceptions=True)
            await self._stop()

    async def _start(self) -> None:
        begin = time.monotonic()
        if left := await asyncio.to_thread(end_leftovers, self._folder.record):
            self._report("leftovers", f"ended what an earlier run left: {', '.join(left)}")
        check_ports(self._wanted_ports)
        self._begin_record()
        await all_at_once(*(self._start_one(server) for server in self._servers))
        for name, missing in self._left_out.items():
            self._report(name, f"off, so no MQTT: the broker is not ours and {missing} not set")
        await all_at_once(*(self._start_one(service) for service in self._services))
        if self._front_door is not None:
            await self._start_one(self._front_door)
            self._report("", f"for clients to trust: {self._front_door.authority}")
        self._report("ready", f"in {time.monotonic() - begin:.1f} s{self._how_to_log_in()}")

    async def _start_one(self, part: Part | External) -> None:
        if isinstance(part, External):
            await part.find()
            self._report(part.name, f"{part.public_url} (external)")
        else:
            await part.start(partial(self._watch, part))
            self._report(part.name, part.public_url)
            for url in part.device_urls if isinstance(part, NatsServer) else ():
                self._report("", url)

    async def _stop(self) -> None:
        parts = [part for part in self._parts if isinstance(part, Part)]
        if any(part.child is not None and part.child.running for part in parts):
            self._report("stopping", "services first, then servers")
        for part in reversed(parts):
            await part.stop()
        await asyncio.gather(*self._watchers)
        self._folder.record.unlink(missing_ok=True)

    def _watch(self, part: Part, child: Child) -> None:
        """Write down a child that has just been started, and notice its death."""

        async def watch() -> None:
            if (death := await child.died()) is not None:
                self._deaths.put_nowait(death)

        self._watchers.add(asyncio.create_task(watch()))
        self._records[part.name] = msgspec.structs.replace(
            self._records[part.name],
            check_url=part.check_url,
            identity=child.identity,
            stop_signal=int(child.command.stop_signal),
        )
        self._write_record()

    @property
    def _parts(self) -> tuple[Part | External, ...]:
        """All of them, in the order of starting."""
        front_door = () if self._front_door is None else (self._front_door,)
        return (*self._servers, *self._services, *front_door)

    def _begin_record(self) -> None:
        for part in self._parts:
            self._records[part.name] = PartRecord(
                name=part.name,
                url=part.public_url,
                check_url=part.check_url,
                external=isinstance(part, External),
            )
        self._write_record()

    def _write_record(self) -> None:
        pid = os.getpid()
        supervisor = Identity.of(pid, command_line(pid))
        parts = tuple(self._records.values())
        write_record(self._folder.record, RunRecord(supervisor=supervisor, parts=parts))

    def _make_servers(self) -> tuple[Server | External, ...]:
        servers: list[Server | External] = []
        for kind, url_variable, port_variable, default_port in _SERVERS:
            if url := self._settings.find(url_variable):
                servers.append(External(kind.kind, url_variable, url))
                continue
            port = self._settings.port(port_variable, default_port)
            self._wanted_ports.append(WantedPort(kind.kind, port, port_variable))
            server = kind(
                self._folder.path / kind.kind,
                port,
                password_file=self._folder.secrets / f"{kind.kind}-password",
                log=self._folder.logs / f"{kind.kind}.log",
                progress=partial(self._report, kind.kind),
            )
            if isinstance(server, NatsServer):
                self._choose_broker_ports(server)
            servers.append(server)
        return tuple(servers)

    def _choose_broker_ports(self, broker: NatsServer) -> None:
        for name, variable, default_port in _BROKER_PORTS:
            if default_port is not None or self._settings.find(variable):
                port = self._settings.port(variable, default_port or 0)
                broker.use_port(name, port)
                self._wanted_ports.append(WantedPort(f"nats, {name}", port, variable))

    def _make_front_door(self) -> FrontDoor:
        ports = []
        for kind, default_port in (("HTTPS", 8443), ("MQTTS", 8883)):
            variable = f"SMQ_EMBEDDED_{kind}_PORT"
            ports.append(self._settings.port(variable, default_port))
            self._wanted_ports.append(WantedPort(f"nginx, {kind}", ports[-1], variable))
        names = (self._settings.find("SMQ_TLS_NAMES") or "").split(",")
        return FrontDoor(
            folder=self._folder.path / "nginx",
            certificates=self._folder.path / "tls",
            log=self._folder.logs / "nginx.log",
            https_port=ports[0],
            mqtts_port=ports[1],
            values=placeholders_from(self._settings),
            names=[name.strip() for name in names if name.strip()],
        )

    def _make_services(self) -> tuple[Service, ...]:
        defaults = {
            "SMQ_STATE_DIR": str(self._folder.secrets),
            "SMQ_USERS_MAIL_FOLDER": str(self._folder.logs / "mail"),
            **services.common_defaults(self._specs, self._settings),
        }
        if self._front_door is not None:
            defaults["SMQ_TRUSTED_PROXIES"] = LOOPBACK
        for (_, variable, *_rest), server in zip(_SERVERS, self._servers, strict=True):
            defaults[variable] = server.url
        broker = next((each for each in self._servers if isinstance(each, NatsServer)), None)
        made = []
        for spec in self._specs:
            missing = [name for name in spec.broker if self._settings.find(name) is None]
            if broker is None and spec.needs_broker and missing:
                self._left_out[spec.name] = " and ".join(missing)
                continue
            secrets = {
                variable: read_or_make_secret(self._folder.secrets / name)
                for variable, name in spec.secrets.items()
                if self._settings.find(variable) is None
            }
            made_files = spec.makes(self._folder.secrets, self._settings) if spec.makes else {}
            environment = self._settings.with_defaults(
                {
                    **defaults,
                    **services.own_defaults(spec, secrets),
                    **_told(spec, broker),
                    **made_files,
                }
            )
            log = self._folder.logs / f"{spec.name}.log"
            service = Service(spec, self._settings, environment, log)
            self._wanted_ports.append(service.wanted_port)
            made.append(service)
        return tuple(made)

    def _how_to_log_in(self) -> str:
        if self._settings.find("SMQ_USERS_ADMIN_PASSWORD") is not None:
            return ""
        for spec in self._specs:
            if name := spec.secrets.get("SMQ_USERS_ADMIN_PASSWORD"):
                email = self._settings.find("SMQ_USERS_ADMIN_EMAIL") or spec.defaults.get(
                    "SMQ_USERS_ADMIN_EMAIL", ""
                )
                return f"; admin {email}, password in {self._folder.secrets / name}"
        return ""


def _told(spec: ServiceSpec, broker: NatsServer | None) -> dict[str, str]:
    """What a service is told of the embedded broker."""
    if broker is None:
        return {}
    return {variable: str(getattr(broker, name)) for variable, name in spec.broker.items()}
