"""Composition root: settings in, wired application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from uuid import uuid4

from aiohttp import web

from services.provision.credentials import Credentials
from services.provision.domain import Layout, LayoutError
from services.provision.handlers import PROVISION_SERVICE, routes
from services.provision.journal import PostgresJournal
from services.provision.layout import Configuration, read_configuration
from services.provision.saga import Peers
from services.provision.service import ProvisionService
from services.provision.settings import ProvisionSettings
from shared.clients.bootstrap import BootstrapClient
from shared.clients.things import ThingsClient
from shared.clock import utc_now
from shared.foundation import foundation
from shared.http.app import add_routes, new_application
from shared.http.auth import VERIFIER
from shared.settings import SettingsError

_SUFFIXES = ("/", "/things/configs", "/things/state", "/things", "/certs", "/users")


def configure(settings: ProvisionSettings) -> Configuration:
    """Add the configuration file to the environment's settings.

    Raises:
        SettingsError: The file is unusable.
    """
    try:
        return read_configuration(settings)
    except LayoutError as error:
        raise SettingsError([str(error)]) from None


def create_app(settings: ProvisionSettings) -> web.Application:
    """Build the application; raises SettingsError if the configuration file is unusable."""
    configuration = configure(settings)
    settings = configuration.settings
    app = new_application("provision", settings)
    add_routes(
        app,
        service="provision",
        purpose="Sets up gateways by a layout: things, channels, connections and config, "
        "exactly once or not at all.",
        settings=settings,
        tables=[routes],
    )
    app.cleanup_ctx.append(_resources(settings, configuration.layout))
    return app


def _resources(
    settings: ProvisionSettings, layout: Layout
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "provision", settings))
            service = ProvisionService(
                layout=layout,
                journal=PostgresJournal(base.database, base.outbox, base.key),
                users=base.users,
                peers=Peers(
                    things=ThingsClient(base.session, base_url(settings.things_url)),
                    configs=BootstrapClient(base.session, base_url(settings.bootstrap_url)),
                ),
                credentials=Credentials(
                    base.users,
                    app[VERIFIER],
                    api_key=settings.api_key,
                    user=settings.user,
                    password=settings.password,
                ),
                new_id=uuid4,
                now=utc_now,
                keep_external_key=settings.metadata_external_key,
            )
            app[PROVISION_SERVICE] = service
            recovering = asyncio.create_task(service.recover_for_ever(), name="recovery")
            yield
            recovering.cancel()
            with suppress(asyncio.CancelledError):
                await recovering
            await service.stop()

    return resources


def base_url(url: str) -> str:
    """A service's root, whichever of its paths people have configured."""
    stripped = url
    while (shorter := _without_suffix(stripped)) != stripped:
        stripped = shorter
    return stripped


def _without_suffix(url: str) -> str:
    for suffix in _SUFFIXES:
        url = url.removesuffix(suffix)
    return url
