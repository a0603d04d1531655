"""Composition root: settings in, wired application out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

from aiohttp import web

from services.users.handlers import accounts, exchange, groups, internal, keys, policies, tokens
from services.users.handlers.proof import SERVICE_SECRETS
from services.users.passwords import BcryptPasswords
from services.users.repository.families import PostgresFamilies
from services.users.repository.groups import PostgresGroups
from services.users.repository.keys import PostgresKeys
from services.users.repository.policies import PostgresPolicies
from services.users.repository.revocations import PostgresRevocations
from services.users.repository.rights import PostgresRights
from services.users.repository.users import PostgresUsers
from services.users.service.accounts import AccountService
from services.users.service.authorization import LivingAccounts
from services.users.service.exchange import ExchangeService, ServiceSecrets
from services.users.service.groups import GroupService
from services.users.service.keys import KeyService
from services.users.service.logins import LoginService
from services.users.service.policies import PolicyService
from services.users.service.revocations import RevocationService
from services.users.service.rights import RightService
from services.users.service_secrets import service_hashes
from services.users.settings import UsersSettings, require_sound
from services.users.signing import signing_key
from shared.clock import utc_now
from shared.contracts.users import KeySetBody
from shared.errors import InvalidInput
from shared.foundation import foundation
from shared.http.app import add_routes, new_application
from shared.http.auth import VERIFIER, LocalVerifier
from shared.settings import SettingsError
from shared.state import random_secret
from shared.tasks import repeating

_SWEEP_SECONDS = 600.0
_USES_SECONDS = 60.0


def create_app(settings: UsersSettings) -> web.Application:
    """Build the application; raises SettingsError if a setting makes no sense."""
    require_sound(settings)
    app = new_application("users", settings)
    add_routes(
        app,
        service="users",
        purpose="Accounts, logins, and the tokens that prove who is calling.",
        settings=settings,
        tables=[
            keys.routes,
            accounts.routes,
            groups.routes,
            policies.routes,
            tokens.routes,
            exchange.routes,
            internal.routes,
        ],
    )
    app.cleanup_ctx.append(_resources(settings))
    return app


def _resources(settings: UsersSettings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def resources(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(foundation(app, "users", settings))
            passwords = await stack.enter_async_context(
                BcryptPasswords.open(
                    cost=settings.bcrypt_cost,
                    queue=settings.bcrypt_queue,
                    workers=settings.workers,
                )
            )
            key = signing_key(settings)
            users = PostgresUsers(base.database, base.outbox)
            rights = PostgresRights(base.database)
            app[keys.KEYS] = KeyService(
                keys=PostgresKeys(base.database, base.outbox),
                now=utc_now,
                new_id=uuid4,
                new_secret=random_secret,
            )
            await stack.enter_async_context(
                repeating(app[keys.KEYS].write_uses, every_seconds=_USES_SECONDS, at_end=True)
            )
            app[VERIFIER] = LivingAccounts(LocalVerifier(key), app[keys.KEYS], users)
            app[tokens.PUBLIC_KEYS] = KeySetBody(key.public_keys)
            app[accounts.ACCOUNTS] = AccountService(
                users=users,
                rights=rights,
                passwords=passwords,
                secret_rule=re.compile(settings.pass_regex),
                is_open=settings.allow_self_register,
                access_lifetime=settings.access_token_duration,
                now=utc_now,
                new_id=uuid4,
            )
            app[groups.GROUPS] = GroupService(
                groups=PostgresGroups(base.database, base.outbox),
                users=users,
                rights=rights,
                now=utc_now,
                new_id=uuid4,
            )
            app[policies.POLICIES] = PolicyService(
                PostgresPolicies(base.database, base.outbox), utc_now
            )
            app[tokens.LOGINS] = LoginService(
                users=users,
                families=PostgresFamilies(base.database, base.outbox),
                passwords=passwords,
                tokens=key,
                access_lifetime=settings.access_token_duration,
                refresh_lifetime=settings.refresh_token_duration,
                now=utc_now,
                new_id=uuid4,
            )
            app[SERVICE_SECRETS] = ServiceSecrets(service_hashes(settings))
            app[internal.REVOCATIONS] = RevocationService(
                PostgresRevocations(base.database), utc_now
            )
            await stack.enter_async_context(
                repeating(app[internal.REVOCATIONS].sweep, every_seconds=_SWEEP_SECONDS)
            )
            app[internal.RIGHTS] = RightService(users=users, rights=rights)
            app[exchange.EXCHANGE] = ExchangeService(
                users=users,
                tokens=key,
                keys=app[keys.KEYS],
                secrets=app[SERVICE_SECRETS],
                now=utc_now,
                new_id=uuid4,
            )
            await _ensure_admin(app[accounts.ACCOUNTS], settings)
            yield

    return resources


async def _ensure_admin(service: AccountService, settings: UsersSettings) -> None:
    """Make the first admin, if the operator named one."""
    if not settings.admin_email:
        return
    try:
        await service.ensure_admin(settings.admin_email, settings.admin_password)
    except InvalidInput as error:
        raise SettingsError(
            [f"SMQ_USERS_ADMIN_EMAIL and SMQ_USERS_ADMIN_PASSWORD: {error.reason}"]
        ) from None
