"""Composition root of the HTTP adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import UUID

from aiohttp import web

from services.http_adapter import handlers
from services.http_adapter.access import SETTLE_SECONDS, CachedAccess
from services.http_adapter.handlers import MESSAGE_SERVICE
from services.http_adapter.service import MessageService
from services.http_adapter.settings import HttpAdapterSettings
from shared.cache import InvalidatedCache
from shared.clients.base import client_session
from shared.clients.things import ThingsClient
from shared.contracts.facts import FACTS_CACHE
from shared.http.app import add_routes, new_application
from shared.http.health import CHECKS, Check
from shared.messaging.connection import Connection
from shared.messaging.publisher import MessagePublisher
from shared.saturation import watching

PURPOSE = "Messages of things, over HTTP."


def create_app(settings: HttpAdapterSettings) -> web.Application:
    """Build the application; its resources open when it starts."""
    app = new_application("http_adapter", settings)
    add_routes(
        app,
        service="http_adapter",
        purpose=PURPOSE,
        settings=settings,
        tables=[handlers.routes],
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: HttpAdapterSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(
                Connection.open(settings.nats_url, "supermq-http_adapter")
            )
            cache: InvalidatedCache[UUID] = await stack.enter_async_context(
                InvalidatedCache.open(
                    settings.redis_url,
                    FACTS_CACHE,
                    settings.cache_entries,
                    settings.cache_key_duration.total_seconds(),
                    SETTLE_SECONDS,
                )
            )
            session = await stack.enter_async_context(client_session())
            things = ThingsClient(session, settings.things_url, settings.things_timeout_seconds)
            app[CHECKS].extend(
                [Check("nats", connection.is_up), Check("redis", cache.is_up, is_required=False)]
            )
            app[MESSAGE_SERVICE] = MessageService(
                CachedAccess(things, cache), MessagePublisher(connection)
            )
            await stack.enter_async_context(watching(app, "http_adapter"))
            yield

    return resources
