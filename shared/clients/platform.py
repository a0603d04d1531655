"""All services at once, for programs that use the platform from outside."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from shared.clients.base import Peer, client_session
from shared.clients.bootstrap import BootstrapClient
from shared.clients.certs import CertsClient
from shared.clients.channels import ChannelsClient
from shared.clients.groups import GroupsClient
from shared.clients.messages import MessagesClient
from shared.clients.provision import ProvisionClient
from shared.clients.things import ThingsClient
from shared.clients.users import UsersClient

_TIMEOUT_SECONDS = 30.0


class Addresses(Struct, frozen=True, kw_only=True):
    """Where each service answers; the defaults are those of a platform on this machine."""

    users: str = "http://localhost:9002"
    things: str = "http://localhost:9000"
    bootstrap: str = "http://localhost:9013"
    provision: str = "http://localhost:9016"
    certs: str = "http://localhost:9019"
    http_adapter: str = "http://localhost:8008"

    @staticmethod
    def behind(url: str) -> Addresses:
        """All services behind one front door."""
        return Addresses(**dict.fromkeys(SERVICES, url.rstrip("/")))

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Addresses:
        """`SMQ_URL` for one front door, `SMQ_USERS_URL` and so on for each service."""
        environment = os.environ if environment is None else environment
        url = environment.get("SMQ_URL", "")
        return (Addresses.behind(url) if url else Addresses()).with_own(environment)

    def with_own(self, environment: Mapping[str, str]) -> Addresses:
        """The same with `SMQ_USERS_URL` and so on where they are set."""
        own = {service: environment.get(f"SMQ_{service.upper()}_URL", "") for service in SERVICES}
        return msgspec.structs.replace(self, **{name: url for name, url in own.items() if url})

    def has_one_door(self, service: str) -> bool:
        """Whether a service shares its address with others, so that some paths get a prefix."""
        own = self.of(service)
        return any(self.of(other) == own for other in SERVICES if other != service)

    def of(self, service: str) -> str:
        """The address of a service, without a slash at its end."""
        return str(getattr(self, service)).rstrip("/")


SERVICES = Addresses.__struct_fields__


class ServiceHealth(Struct, frozen=True):
    """What a service says of itself."""

    status: str
    version: str = ""
    description: str = ""
    build_time: str = ""
    instance_id: str = ""


class Platform(Struct, frozen=True):
    """A client for each service; every call takes the token it is made with."""

    addresses: Addresses
    users: UsersClient
    groups: GroupsClient
    things: ThingsClient
    channels: ChannelsClient
    bootstrap: BootstrapClient
    provision: ProvisionClient
    certs: CertsClient
    messages: MessagesClient
    peers: dict[str, Peer]

    async def health(self, service: str) -> ServiceHealth:
        """How a service is; raises Unavailable if it does not answer."""
        below = f"/health/{service}" if self.addresses.has_one_door(service) else "/health"
        return await self.peers[service].call("GET", below, answer=ServiceHealth)


@asynccontextmanager
async def open_platform(
    addresses: Addresses | None = None,
    *,
    trust: ssl.SSLContext | bool = True,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> AsyncIterator[Platform]:
    """Connect to a platform.

    Args:
        addresses: Where it is; read from the environment if left out.
        trust: How certificates are checked: by the system's authorities, by those of a context,
            or with False not at all.
        timeout_seconds: How long a call may take.
    """
    at = addresses or Addresses.from_environment()
    async with client_session(trust) as session:
        yield Platform(
            addresses=at,
            users=UsersClient(session, at.users, timeout_seconds=timeout_seconds),
            groups=GroupsClient(
                session,
                at.users,
                policies_url=_policies_url(at, "users"),
                timeout_seconds=timeout_seconds,
            ),
            things=ThingsClient(session, at.things, timeout_seconds),
            channels=ChannelsClient(
                session,
                at.things,
                policies_url=_policies_url(at, "things"),
                timeout_seconds=timeout_seconds,
            ),
            bootstrap=BootstrapClient(session, at.bootstrap, timeout_seconds),
            provision=ProvisionClient(session, at.provision, timeout_seconds),
            certs=CertsClient(session, at.certs, timeout_seconds),
            messages=MessagesClient(session, at.http_adapter, timeout_seconds),
            peers={name: Peer(session, name, at.of(name), timeout_seconds) for name in SERVICES},
        )


def _policies_url(addresses: Addresses, service: str) -> str:
    suffix = f"/{service}" if addresses.has_one_door(service) else ""
    return addresses.of(service) + suffix
