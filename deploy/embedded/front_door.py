"""nginx in front of the services: one address for all of them, TLS only.

The configuration is the one of the containers, `nginx/templates/`, with other addresses filled in.
"""

import os
import pwd
import re
import signal
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from deploy.embedded.certificates import make_certificates
from deploy.embedded.errors import EmbeddedError, InvalidSetting
from deploy.embedded.part import Part
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.process import Command
from deploy.embedded.programs import nginx_program
from deploy.embedded.server import server_environment
from deploy.embedded.services import service_url
from deploy.embedded.settings import Settings

TEMPLATES = Path(__file__).resolve().parents[2] / "nginx/templates"
# Every service the configuration knows, also those that do not run here: they are answered for.
USUAL_PORTS = {
    "users": 9002,
    "things": 9000,
    "bootstrap": 9013,
    "provision": 9016,
    "certs": 9019,
    "http_adapter": 8008,
    "mqtt_auth": 8009,
}
_PLACEHOLDER = re.compile(r"\$\{(NGINX_\w+)\}")


class FrontDoor(Part):
    """The proxy; ready when its port is open, which is after its configuration was read.

    Args:
        folder: Gets its configuration and its temporary files.
        certificates: Gets the authority and the server's certificate.
        values: What the operator may set, see `placeholders_from`.
        names: Host names and addresses the certificate is good for beside localhost.

    Raises:
        EmbeddedError: There are no templates here.
    """

    def __init__(
        self,
        *,
        folder: Path,
        certificates: Path,
        log: Path,
        https_port: int,
        mqtts_port: int,
        values: Mapping[str, str],
        names: Sequence[str] = (),
    ) -> None:
        super().__init__("nginx")
        if not TEMPLATES.is_dir():
            raise EmbeddedError(f"{TEMPLATES} is missing; --tls needs a copy of the repository")
        self.https_port = https_port
        self.mqtts_port = mqtts_port
        self.authority = certificates / "ca.crt"
        self._folder = folder
        self._certificates = certificates
        self._log = log
        self._values = values
        self._names = names

    @property
    def public_url(self) -> str:
        """Where people find it."""
        return f"https://localhost:{self.https_port}"

    @property
    def check_url(self) -> str:
        """An open port is enough."""
        return f"tcp://{LOOPBACK}:{self.https_port}"

    async def prepare(self) -> Command:
        """Make the certificates if need be, and fill in the configuration."""
        try:
            make_certificates(self._certificates, self._names)
        except ValueError as error:
            raise InvalidSetting(f"SMQ_TLS_NAMES: {error}") from None
        run = self._folder / "run"
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {
            **self._values,
            "NGINX_USER": pwd.getpwuid(os.geteuid()).pw_name,
            "NGINX_RUN": str(run),
            "NGINX_SSL": str(self._certificates),
            "NGINX_ADDRESS": LOOPBACK,
            "NGINX_HTTPS_PORT": str(self.https_port),
            "NGINX_MQTTS_PORT": str(self.mqtts_port),
        }
        render(values, self._folder)
        return Command(
            name=self.name,
            arguments=(
                str(nginx_program()),
                *("-p", str(self._folder)),
                *("-c", str(self._folder / "nginx.conf")),
            ),
            log=self._log,
            environment=server_environment(),
            folder=self._folder,
            # It finishes the requests it has accepted.
            stop_signal=signal.SIGQUIT,
            grace_seconds=15,
            complaint=re.compile(r"\[(?:emerg|alert|crit)\] (?:\d+#\d+: )?(.*)"),
        )


def render(values: Mapping[str, str], folder: Path) -> None:
    """Fill in the templates."""
    for template in TEMPLATES.glob("*.template"):
        text = _PLACEHOLDER.sub(lambda match: values[match[1]], template.read_text())
        (folder / template.stem).write_text(text)


def placeholders_from(settings: Settings) -> dict[str, str]:
    """What the configuration is told: where everything is, and how much a client may ask for.

    Raises:
        InvalidSetting: A variable has a value that makes no sense.
    """
    mqtt = settings.port("SMQ_EMBEDDED_MQTT_PORT", 1883)
    websocket = settings.port("SMQ_EMBEDDED_MQTT_WEBSOCKET_PORT", 8080)
    values = {
        "NGINX_RESOLVER": LOOPBACK,
        "NGINX_BALANCER": _network(settings, "SMQ_NGINX_BALANCER") or "unix:",
        "NGINX_RATE": _rate(settings, "SMQ_NGINX_RATE", "1000r/s"),
        "NGINX_PASSWORD_RATE": _rate(settings, "SMQ_NGINX_PASSWORD_RATE", "10r/s"),
        "NGINX_HSTS": _hsts(settings, "SMQ_NGINX_HSTS"),
        "NGINX_MQTT": f"{LOOPBACK}:{mqtt}",
        "NGINX_MQTT_WEBSOCKET": f"{LOOPBACK}:{websocket}",
    }
    for name, usual_port in USUAL_PORTS.items():
        port = settings.port(f"SMQ_{name.upper()}_HTTP_PORT", usual_port)
        host = settings.find(f"SMQ_{name.upper()}_HTTP_HOST") or LOOPBACK
        values[f"NGINX_{name.upper()}"] = urlsplit(service_url(host, port)).netloc
    return values


def _network(settings: Settings, variable: str) -> str | None:
    network = settings.find(variable)
    try:
        return network and str(ip_network(network))
    except ValueError:
        raise InvalidSetting(f"{variable}={network} is not an address or network") from None


def _hsts(settings: Settings, variable: str) -> str:
    policy = settings.find(variable) or "max-age=63072000; includeSubdomains"
    if not re.fullmatch(r"max-age=\d+(?:; [A-Za-z]+)*", policy):
        raise InvalidSetting(f"{variable}={policy} is not a policy like max-age=300")
    return policy


def _rate(settings: Settings, variable: str, usual: str) -> str:
    rate = settings.find(variable) or usual
    if not re.fullmatch(r"[1-9]\d{0,8}r/[sm]", rate):
        raise InvalidSetting(f"{variable}={rate} is not a rate like 1000r/s or 30r/m")
    return rate
