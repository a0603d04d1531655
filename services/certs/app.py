"""Composition root: settings in, wired application out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from aiohttp import web

from services.certs import follower
from services.certs.handlers import certificates, sets, statuses
from services.certs.handlers.keys import (
    CERTIFICATE_SERVICE,
    SET_SERVICE,
    STATUS_SERVICE,
    USUAL_KEY_KIND,
)
from services.certs.repository.certificates import CertificateRepository
from services.certs.repository.following import FollowRepository
from services.certs.repository.sets import SetRepository
from services.certs.repository.statuses import StatusRepository
from services.certs.service.authorization import Authorization
from services.certs.service.certificates import CertificateService
from services.certs.service.following import FollowingService
from services.certs.service.issuing import Issuer
from services.certs.service.sets import SetService
from services.certs.service.statuses import StatusService
from services.certs.settings import (
    CertsSettings,
    authority_of,
    check_given_authority,
    usual_key_kind,
)
from shared.clients.things import ThingsClient
from shared.clock import utc_now
from shared.events.consumer import following
from shared.foundation import foundation
from shared.http.app import add_routes, new_application
from shared.pki import new_serial
from shared.tasks import repeating

_LOOKS_AFTER_SECONDS = 5.0


def create_app(settings: CertsSettings) -> web.Application:
    """Build the application; raises SettingsError if a given authority is unusable."""
    check_given_authority(settings)
    app = new_application("certs", settings)
    app[USUAL_KEY_KIND] = usual_key_kind(settings)
    add_routes(
        app,
        service="certs",
        purpose="Issues, renews and revokes things' certificates, and tells which are good.",
        settings=settings,
        tables=[certificates.routes, statuses.routes, sets.routes],
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: CertsSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "certs", settings))
            authority = authority_of(settings)
            issuer = Issuer(authority)
            app[CERTIFICATE_SERVICE] = CertificateService(
                CertificateRepository(base.database, base.outbox),
                Authorization(ThingsClient(base.session, settings.things_url)),
                issuer,
                grace=settings.renewal_grace,
                now=utc_now,
                new_serial=new_serial,
            )
            app[SET_SERVICE] = SetService(
                SetRepository(base.database, base.outbox), issuer, now=utc_now
            )
            app[STATUS_SERVICE] = StatusService(
                StatusRepository(base.database), authority, now=utc_now
            )
            follow = FollowingService(FollowRepository(base.database, base.outbox), now=utc_now)
            await stack.enter_async_context(
                following(base.broker, follower.DURABLE, follower.reactions(follow))
            )
            await stack.enter_async_context(
                repeating(follow.look_after, every_seconds=_LOOKS_AFTER_SECONDS)
            )
            yield

    return resources
