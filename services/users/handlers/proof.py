"""How services prove themselves on routes that are never reachable from outside."""

from __future__ import annotations

from aiohttp import BasicAuth, web

from services.users.domain.logins import UnknownService
from services.users.service.exchange import ServiceSecrets

SERVICE_SECRETS: web.AppKey[ServiceSecrets] = web.AppKey("service_secrets", ServiceSecrets)


def service_login(request: web.Request) -> tuple[str, str]:
    """Name and secret as they were presented; raises UnknownService if there are none."""
    try:
        login = BasicAuth.decode(request.headers.get("Authorization", ""), encoding="utf-8")
    except ValueError:
        raise UnknownService from None
    return login.login, login.password


def require_service(request: web.Request) -> None:
    """Let only services in; raises UnknownService."""
    request.app[SERVICE_SECRETS].require(*service_login(request))
