"""Composition root: settings in, wired application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from aiohttp import web

from services.provision import follower
from services.provision.credentials import Credentials
from services.provision.domain import Layout, LayoutError
from services.provision.handlers import layouts, mapping, mappings
from services.provision.handlers.keys import LAYOUTS, MAPPING_SERVICE, RECORD_SERVICE
from services.provision.layout.files import Configuration, log_warnings, read_configuration
from services.provision.layouts import LayoutBook
from services.provision.repository.journal import PostgresJournal
from services.provision.repository.records import PostgresRecords
from services.provision.repository.retention import Retention
from services.provision.saga import Peers
from services.provision.service.mapping import Limits, MappingService
from services.provision.service.records import RecordService
from services.provision.service.undoing import Undoing
from services.provision.settings import ProvisionSettings
from shared.clients.bootstrap import BootstrapClient
from shared.clients.certs import CertsClient
from shared.clients.things import ThingsClient
from shared.clock import utc_now
from shared.events.consumer import following
from shared.foundation import foundation
from shared.http.app import add_routes, new_application
from shared.http.auth import VERIFIER
from shared.http.serve import RELOAD
from shared.ids import new_id
from shared.settings import SettingsError
from shared.tasks import repeating, stop

PURPOSE = (
    "Sets up gateways by a layout: things, channels, connections and config, exactly once or not "
    "at all."
)
_TOKEN_LIFETIME = timedelta(minutes=2)  # of what users exchanges
_TIDIES_EVERY_SECONDS = 600.0
_SUFFIXES = ("/", "/things/configs", "/things/state", "/things", "/certs", "/users")


def configure(settings: ProvisionSettings) -> Configuration:
    """Add the configuration file and the folder's layouts to the environment's settings.

    Raises:
        SettingsError: A file is unusable, or a mapping may outlive the token it is made with.
    """
    if settings.mapping_deadline >= _TOKEN_LIFETIME:
        raise SettingsError(["SMQ_PROVISION_MAPPING_DEADLINE is not below 2m"])
    if settings.certs_ttl < timedelta(seconds=1):
        raise SettingsError(["SMQ_PROVISION_CERTS_TTL is not longer than nothing"])
    try:
        return read_configuration(settings)
    except LayoutError as error:
        raise SettingsError(error.problems) from None


def create_app(settings: ProvisionSettings) -> web.Application:
    """Build the application; raises SettingsError if the configuration file is unusable."""
    given = settings
    configuration = configure(given)
    log_warnings(configuration)
    settings = configuration.settings
    app = new_application("provision", settings)
    add_routes(
        app,
        service="provision",
        purpose=PURPOSE,
        settings=settings,
        tables=[mapping.routes, mappings.routes, layouts.routes],
    )
    book = LayoutBook(configuration.layouts, lambda: _read_again(given))
    app[LAYOUTS] = book
    app[RELOAD] = book.reload
    app.cleanup_ctx.append(_resources(settings))
    return app


def _read_again(settings: ProvisionSettings) -> tuple[Layout, ...]:
    configuration = read_configuration(settings)
    log_warnings(configuration)
    return configuration.layouts


def _resources(
    settings: ProvisionSettings,
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "provision", settings))
            journal = PostgresJournal(base.database, base.outbox, base.key, settings.lease)
            retention = Retention(
                base.database, keys_kept=settings.keys_kept, history_kept=settings.history_kept
            )
            seconds = settings.call_timeout.total_seconds()
            peers = Peers(
                things=ThingsClient(base.session, base_url(settings.things_url), seconds),
                configs=BootstrapClient(base.session, base_url(settings.bootstrap_url), seconds),
                certificates=CertsClient(base.session, base_url(settings.certs_url), seconds),
            )
            undoing = Undoing(
                journal,
                base.users,
                peers,
                lease_seconds=settings.lease.total_seconds(),
                stuck_after_seconds=settings.stuck_after.total_seconds(),
            )
            mapping_service = MappingService(
                journal=journal,
                users=base.users,
                peers=peers,
                credentials=Credentials(
                    base.users,
                    app[VERIFIER],
                    api_key=settings.api_key,
                    user=settings.user,
                    password=settings.password,
                ),
                undoing=undoing,
                new_id=new_id,
                now=utc_now,
                limits=Limits(
                    deadline=settings.mapping_deadline, patience=settings.answer_patience
                ),
                keep_external_key=settings.metadata_external_key,
            )
            app[MAPPING_SERVICE] = mapping_service
            app[RECORD_SERVICE] = RecordService(
                records=PostgresRecords(base.database),
                journal=journal,
                users=base.users,
                peers=peers,
                undoing=undoing,
                patience=settings.answer_patience,
            )
            await stack.enter_async_context(
                following(base.broker, follower.DURABLE, follower.reactions(journal))
            )
            await stack.enter_async_context(
                repeating(retention.tidy, every_seconds=_TIDIES_EVERY_SECONDS)
            )
            watching = asyncio.create_task(undoing.watch_for_ever(), name="recovery")
            yield
            await stop(watching)
            await mapping_service.stop()
            await undoing.stop()

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
