"""The services of the platform as a table, and what each is told by its environment."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.authority import signing_authority
from deploy.embedded.part import Part
from deploy.embedded.ports import LOOPBACK, WantedPort
from deploy.embedded.process import Command
from deploy.embedded.settings import Settings

_REPOSITORY = Path(__file__).resolve().parents[2]
_ANY_HOST = ("", "0.0.0.0", "::", "localhost")  # noqa: S104 - recognised, not listened on


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service: what it is called, where it listens, what it alone is told."""

    name: str
    port: int
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Variables it is given unless the operator has set them."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable -> name of the file in the secrets folder it is filled from."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Variable -> file it names, if that file exists."""
    broker: Mapping[str, str] = field(default_factory=dict)
    """Variable -> what it is told of the embedded broker: an attribute of `NatsServer`."""
    needs_broker: bool = False
    """Whether it is left out without an embedded broker, unless the operator has set those."""
    makes: Callable[[Path, Settings], Mapping[str, str]] | None = None
    """Makes further files in the secrets folder at the first start; answers the variables that
    name them."""
    command: tuple[str, ...] = ()
    """What to run; the module `services.<name>` unless given."""

    @property
    def port_variable(self) -> str:
        """The variable with which the operator moves it to another port."""
        return f"SMQ_{self.name.upper()}_HTTP_PORT"

    @property
    def host_variable(self) -> str:
        """The variable with which the operator makes it listen elsewhere."""
        return f"SMQ_{self.name.upper()}_HTTP_HOST"

    @property
    def url_variable(self) -> str:
        """The variable by which other services find it."""
        return f"SMQ_{self.name.upper()}_URL"


# In the order of starting; stopped in the reverse order.
SERVICES = (
    ServiceSpec(
        "users",
        9002,
        defaults={
            "SMQ_USERS_ADMIN_EMAIL": "admin@localhost.localdomain",
            "SMQ_USERS_PASS_REGEX": "^.{3,}$",
            "SMQ_USERS_ACCESS_TOKEN_DURATION": "10h",
        },
        secrets={"SMQ_USERS_ADMIN_PASSWORD": "admin-password"},
    ),
    ServiceSpec("things", 9000),
    ServiceSpec("bootstrap", 9013),
    ServiceSpec("certs", 9019, makes=signing_authority),
    ServiceSpec(
        "provision",
        9016,
        files={
            "SMQ_PROVISION_CONFIG_FILE": _REPOSITORY
            / "deploy/addons/provision/configs/config.toml",
        },
    ),
    ServiceSpec("http_adapter", 8008, broker={"SMQ_HTTP_ADAPTER_NATS_URL": "devices_url"}),
    ServiceSpec(
        "mqtt_auth",
        8009,
        broker={
            "SMQ_MQTT_AUTH_SYSTEM_NATS_URL": "system_url",
            "SMQ_MQTT_AUTH_ISSUER_SEED": "issuer_seed",
        },
        needs_broker=True,
    ),
)


class Service(Part):
    """A service of the platform; ready when `GET /ready` answers 200."""

    def __init__(
        self, spec: ServiceSpec, settings: Settings, environment: Mapping[str, str], log: Path
    ) -> None:
        super().__init__(spec.name)
        self._spec = spec
        self._environment = environment
        self._log = log
        self._port = settings.port(spec.port_variable, spec.port)
        self._host = settings.find(spec.host_variable) or LOOPBACK

    @property
    def wanted_port(self) -> WantedPort:
        """Where it is going to listen."""
        return WantedPort(self.name, self._port, self._spec.port_variable, self._host)

    @property
    def public_url(self) -> str:
        """Where people find it."""
        return service_url(self._host, self._port, name_of_loopback="localhost")

    @property
    def check_url(self) -> str:
        """What to ask whether it is ready."""
        return service_url(self._host, self._port) + "/ready"

    async def prepare(self) -> Command:
        """Say how it is run; it prepares its database itself."""
        return Command(
            name=self.name,
            arguments=self._spec.command or (sys.executable, "-m", f"services.{self.name}"),
            log=self._log,
            environment=self._environment,
            # Requests it has accepted may take as long as this.
            grace_seconds=30,
        )


def service_url(host: str, port: int, name_of_loopback: str = LOOPBACK) -> str:
    """Where a service that listens on `host` is found from this machine."""
    if host in (*_ANY_HOST, LOOPBACK):
        host = name_of_loopback
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def common_defaults(specs: tuple[ServiceSpec, ...], settings: Settings) -> dict[str, str]:
    """What every service is told: where all of them listen and are found."""
    defaults = {"PYTHONUNBUFFERED": "1"}
    for spec in specs:
        port = settings.port(spec.port_variable, spec.port)
        host = settings.find(spec.host_variable) or LOOPBACK
        defaults[spec.port_variable] = str(port)
        defaults[spec.host_variable] = host
        defaults[spec.url_variable] = service_url(host, port)
    return defaults


def own_defaults(spec: ServiceSpec, secrets: Mapping[str, str]) -> dict[str, str]:
    """What one service alone is told.

    Args:
        spec: The service.
        secrets: Variable -> secret, for those of `spec.secrets`.
    """
    files = {name: str(path) for name, path in spec.files.items() if path.is_file()}
    return {**spec.defaults, **secrets, **files}
