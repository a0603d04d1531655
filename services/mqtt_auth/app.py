"""Composition root of mqtt_auth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from aiohttp import web

from services.mqtt_auth import handlers
from services.mqtt_auth.callout import Responder
from services.mqtt_auth.follower import Follower
from services.mqtt_auth.grants import SharedGrants
from services.mqtt_auth.handlers import PRESENCE_SERVICE
from services.mqtt_auth.service.changes import ChangeService
from services.mqtt_auth.service.logins import LoginService
from services.mqtt_auth.service.presence import PresenceService
from services.mqtt_auth.service.roster import Roster
from services.mqtt_auth.settings import MqttAuthSettings, account_key
from services.mqtt_auth.system import SystemAccount
from services.mqtt_auth.things import AskedThings
from shared.clients.base import client_session
from shared.clients.things import ThingsClient
from shared.clock import utc_now
from shared.events.broker import Broker
from shared.foundation import users_client, verifying
from shared.http.app import add_routes, new_application
from shared.http.health import CHECKS, Check
from shared.messaging.connection import Connection
from shared.saturation import watching

PURPOSE = "Logins of devices to the message broker, and who is connected."


def create_app(settings: MqttAuthSettings) -> web.Application:
    """Build the application; its resources open when it starts."""
    app = new_application("mqtt_auth", settings)
    add_routes(
        app, service="mqtt_auth", purpose=PURPOSE, settings=settings, tables=[handlers.routes]
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: MqttAuthSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        key = account_key(settings)
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(
                Broker.open(settings.nats_url, "supermq-mqtt_auth")
            )
            session = await stack.enter_async_context(client_session())
            users = users_client(session, "mqtt_auth", settings)
            await stack.enter_async_context(verifying(app, users, broker))
            connection = await stack.enter_async_context(
                Connection.open(
                    settings.system_nats_url,
                    "supermq-mqtt_auth",
                    on_reconnect=lambda: system.look_again(),
                )
            )
            roster = Roster(utc_now)
            system = SystemAccount(connection, settings.devices_account, roster)
            things = AskedThings(
                ThingsClient(session, settings.things_url, settings.things_timeout_seconds)
            )
            app[PRESENCE_SERVICE] = PresenceService(things, roster)
            grants = SharedGrants(connection, roster)
            follower = Follower(ChangeService(roster, system), broker)
            logins = LoginService(
                things, roster, grants, follower, any_client_id=settings.any_client_id
            )
            await stack.enter_async_context(grants.hearing())
            await stack.enter_async_context(system.watching())
            await stack.enter_async_context(follower.following())
            responder = Responder(
                connection,
                logins,
                key,
                account=settings.devices_account,
                concurrency=settings.concurrent_logins,
            )
            await stack.enter_async_context(responder.answering())
            app[CHECKS].extend(
                [
                    Check("nats", follower.is_heard),
                    Check("broker", system.is_watching),
                    Check("callout", responder.is_asked),
                ]
            )
            await stack.enter_async_context(watching(app, "mqtt_auth"))
            yield

    return resources
