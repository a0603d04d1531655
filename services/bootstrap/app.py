"""Composition root: settings in, wired application out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from aiohttp import web

from services.bootstrap import follower
from services.bootstrap.handlers import changes, configs, gateways, sets
from services.bootstrap.handlers.keys import (
    ADDING_SERVICE,
    CHANGE_SERVICE,
    CONFIG_SERVICE,
    GATEWAY_SERVICE,
    SET_SERVICE,
)
from services.bootstrap.repository.changes import ChangeRepository
from services.bootstrap.repository.configs import ConfigRepository
from services.bootstrap.repository.fetches import FetchRepository
from services.bootstrap.repository.references import ReferenceRepository
from services.bootstrap.repository.rows import Seals
from services.bootstrap.repository.sets import SetRepository
from services.bootstrap.service.adding import AddingService
from services.bootstrap.service.changes import ChangeService
from services.bootstrap.service.cipher import FetchCipher
from services.bootstrap.service.configs import ConfigService
from services.bootstrap.service.fetches import FetchLog
from services.bootstrap.service.following import FollowingService
from services.bootstrap.service.gateways import GatewayService
from services.bootstrap.service.guessing import GuessingGuard
from services.bootstrap.service.sets import SetService
from services.bootstrap.settings import BootstrapSettings, check_fetch_key, fetch_key
from shared.clients.things import ThingsClient
from shared.clock import utc_now
from shared.events.consumer import following
from shared.foundation import Foundation, foundation
from shared.http.app import add_routes, new_application
from shared.ids import new_id
from shared.limits import FailureLimit


def create_app(settings: BootstrapSettings) -> web.Application:
    """Build the application; raises SettingsError if a given key is unusable."""
    check_fetch_key(settings)
    app = new_application("bootstrap", settings)
    add_routes(
        app,
        service="bootstrap",
        purpose="Hands gateways their configuration: thing, channels, content, certificates.",
        settings=settings,
        tables=[gateways.routes, configs.routes, changes.routes, sets.routes],
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: BootstrapSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "bootstrap", settings))
            seals = Seals(base.key)
            things = ThingsClient(base.session, settings.things_url)
            repository = ConfigRepository(base.database, base.outbox, seals)
            app[CONFIG_SERVICE] = ConfigService(repository, now=utc_now)
            app[ADDING_SERVICE] = AddingService(repository, things, now=utc_now, new_id=new_id)
            app[CHANGE_SERVICE] = ChangeService(
                ChangeRepository(base.database, base.outbox), things, now=utc_now, new_id=new_id
            )
            app[GATEWAY_SERVICE] = await _gateway_service(stack, settings, base, repository)
            app[SET_SERVICE] = SetService(
                SetRepository(base.database, base.outbox, seals), now=utc_now
            )
            references = ReferenceRepository(base.database, base.outbox, seals)
            follow = FollowingService(references, things, base.users, now=utc_now)
            await stack.enter_async_context(
                following(base.broker, follower.DURABLE, follower.reactions(follow))
            )
            yield

    return resources


async def _gateway_service(
    stack: AsyncExitStack,
    settings: BootstrapSettings,
    base: Foundation,
    repository: ConfigRepository,
) -> GatewayService:
    limit, redis_url = settings.fetch_failures_per_minute, settings.redis_url
    fetches = FetchRepository(base.database, base.outbox)
    guard = GuessingGuard(
        fetches,
        by_address=await stack.enter_async_context(
            FailureLimit.open(redis_url, "bootstrap-fetch-by-address", limit)
        ),
        by_gateway=await stack.enter_async_context(
            FailureLimit.open(redis_url, "bootstrap-fetch-by-gateway", 0)
        ),
        is_slowing=limit > 0,
    )
    return GatewayService(
        repository,
        FetchCipher(fetch_key(settings)),
        guard,
        await stack.enter_async_context(FetchLog.open(fetches)),
        require_active=settings.require_active,
        now=utc_now,
    )
