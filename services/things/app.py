"""Composition root of the things service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from services.things.handlers import (
    access,
    channels,
    connections,
    internal,
    policies,
    sets,
    things,
)
from services.things.handlers.keys import (
    ACCESS_SERVICE,
    CHANNEL_SERVICE,
    CONNECTION_SERVICE,
    POLICY_SERVICE,
    SET_SERVICE,
    THING_SERVICE,
)
from services.things.people import KnownPeople
from services.things.repository.channels import ChannelRepository
from services.things.repository.connections import ConnectionRepository
from services.things.repository.devices import DeviceRepository
from services.things.repository.facts import CachedFacts
from services.things.repository.secrets import ThingSecrets
from services.things.repository.sets import SetRepository
from services.things.repository.shares import ShareRepository
from services.things.repository.things import ThingRepository
from services.things.service.access import AccessService
from services.things.service.authorization import Authorization
from services.things.service.channels import ChannelService
from services.things.service.connections import ConnectionService
from services.things.service.policies import PolicyService
from services.things.service.sets import SetService
from services.things.service.things import ThingService
from services.things.settings import ThingsSettings
from shared.cache import InvalidatedCache
from shared.clock import utc_now
from shared.contracts.facts import FACTS_CACHE
from shared.foundation import Foundation, foundation
from shared.http.app import add_routes, new_application
from shared.http.health import CHECKS, Check
from shared.ids import new_id

PURPOSE = "Things, channels, and the connections between them."


def create_app(settings: ThingsSettings) -> web.Application:
    """Build the application; its resources open when it starts."""
    app = new_application("things", settings)
    add_routes(
        app,
        service="things",
        purpose=PURPOSE,
        settings=settings,
        tables=[
            things.routes,
            channels.routes,
            connections.routes,
            policies.routes,
            access.routes,
            sets.routes,
            internal.routes,
        ],
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: ThingsSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "things", settings))
            cache: InvalidatedCache[Any] = await stack.enter_async_context(
                InvalidatedCache.open(
                    settings.redis_url,
                    FACTS_CACHE,
                    settings.identify_cache_entries,
                    settings.cache_key_duration.total_seconds(),
                )
            )
            app[CHECKS].append(Check("redis", cache.is_up, is_required=False))
            _wire(app, base, cache)
            yield

    return resources


def _wire(app: web.Application, base: Foundation, cache: InvalidatedCache[Any]) -> None:
    secrets = ThingSecrets(base.key)
    thing_store = ThingRepository(base.database, base.outbox, secrets)
    channel_store = ChannelRepository(base.database, base.outbox)
    connection_store = ConnectionRepository(base.database, base.outbox)
    share_store = ShareRepository(base.database, base.outbox)
    facts = CachedFacts(base.database, secrets, cache)
    people = KnownPeople(base.users)
    authorization = Authorization(share_store)
    app[THING_SERVICE] = ThingService(
        thing_store, facts, people, authorization, now=utc_now, new_id=new_id
    )
    app[CHANNEL_SERVICE] = ChannelService(
        channel_store, facts, authorization, now=utc_now, new_id=new_id
    )
    app[CONNECTION_SERVICE] = ConnectionService(
        connection_store, thing_store, channel_store, facts, authorization, now=utc_now
    )
    app[POLICY_SERVICE] = PolicyService(
        share_store,
        connection_store,
        app[CONNECTION_SERVICE],
        channel_store,
        facts,
        people,
        authorization,
        now=utc_now,
    )
    app[ACCESS_SERVICE] = AccessService(
        facts, DeviceRepository(base.database, secrets), authorization
    )
    app[SET_SERVICE] = SetService(
        SetRepository(base.database, base.outbox, secrets),
        facts,
        authorization,
        now=utc_now,
        new_id=new_id,
    )
