"""The common part of every service's application."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from aiohttp import web

from shared.http.access_log import AccessLog
from shared.http.address import TRUSTED_PROXIES, trusted_networks
from shared.http.auth import authentication
from shared.http.health import CHECKS, health_handler, show_readiness
from shared.http.metrics import show_metrics
from shared.http.observe import observing
from shared.http.openapi import DESCRIPTION, describe_api, show_docs, show_openapi
from shared.http.problems import problems
from shared.http.traced import traced
from shared.settings import ServiceSettings
from shared.tracing import is_collecting


def new_application(service: str, settings: ServiceSettings) -> web.Application:
    """An application with the middlewares of the house, and no routes yet."""
    access_log = AccessLog()
    middlewares = [observing(service, access_log), problems, authentication]
    if is_collecting():
        middlewares.insert(1, traced)
    app = web.Application(middlewares=middlewares)
    app.cleanup_ctx.append(access_log.flushed_at_end)
    app[CHECKS] = []
    app[TRUSTED_PROXIES] = trusted_networks(settings.trusted_proxies)
    return app


def add_routes(
    app: web.Application,
    *,
    service: str,
    purpose: str,
    settings: ServiceSettings,
    tables: Iterable[web.RouteTableDef],
) -> None:
    """Add the service's routes, then those that every service has.

    Args:
        purpose: A sentence on what the service owns, for the API page.
    """
    for table in tables:
        app.add_routes(table)
    app.router.add_get("/health", health_handler(service, settings.instance_id or str(uuid4())))
    app.router.add_get("/ready", show_readiness)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/openapi.json", show_openapi)
    app.router.add_get("/docs", show_docs)
    app[DESCRIPTION] = describe_api(app, service, purpose)
