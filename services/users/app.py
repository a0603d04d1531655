"""Composition root: settings in, wired application out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

from aiohttp import web

from services.users.handlers import (
    accounts,
    exchange,
    groups,
    internal,
    keys,
    policies,
    resets,
    tokens,
)
from services.users.handlers.proof import SERVICE_SECRETS
from services.users.mail import mailer_of
from services.users.passwords import BcryptPasswords
from services.users.repository.access import PostgresAccess
from services.users.repository.families import PostgresFamilies
from services.users.repository.groups import PostgresGroups
from services.users.repository.keys import PostgresKeys
from services.users.repository.policies import PostgresPolicies
from services.users.repository.resets import PostgresResets
from services.users.repository.revocations import PostgresRevocations
from services.users.repository.rights import PostgresRights
from services.users.repository.users import PostgresUsers
from services.users.service.access import AccessService
from services.users.service.accounts import AccountService
from services.users.service.authorization import LivingAccounts
from services.users.service.exchange import ExchangeService, ServiceSecrets
from services.users.service.groups import GroupService
from services.users.service.guessing import AttemptLimit, LoginGuard
from services.users.service.keys import KeyService
from services.users.service.logins import LoginService
from services.users.service.policies import PolicyService
from services.users.service.post import Post
from services.users.service.resets import ResetService
from services.users.service.revocations import RevocationService
from services.users.service.rights import RightService
from services.users.service_secrets import service_hashes
from services.users.settings import UsersSettings, require_sound
from services.users.signing import SigningKeys, signing_keys
from shared.clock import utc_now
from shared.errors import InvalidInput
from shared.foundation import Foundation, foundation
from shared.http.app import add_routes, new_application
from shared.http.auth import VERIFIER, LocalVerifier
from shared.http.serve import RELOAD
from shared.limits import FailureLimit
from shared.settings import SettingsError
from shared.state import random_secret
from shared.tasks import repeating

_SIGNING_KEYS: web.AppKey[SigningKeys] = web.AppKey("signing_keys", SigningKeys)
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
            resets.routes,
            exchange.routes,
            internal.routes,
        ],
    )
    app[RELOAD] = lambda: app[_SIGNING_KEYS].reload() if _SIGNING_KEYS in app else None
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
            app[_SIGNING_KEYS] = app[tokens.PUBLIC_KEYS] = signing_keys(settings)
            users = PostgresUsers(base.database, base.outbox)
            await _keys(app, stack, base, users)
            await _accounts(app, stack, base, users, passwords, settings)
            _groups(app, base, users)
            await _internals(app, stack, base, users, settings)
            await _ensure_admin(app[accounts.ACCOUNTS], settings)
            yield

    return resources


async def _keys(
    app: web.Application, stack: AsyncExitStack, base: Foundation, users: PostgresUsers
) -> None:
    """API keys, and who is let in."""
    app[keys.KEYS] = KeyService(
        keys=PostgresKeys(base.database, base.outbox),
        now=utc_now,
        new_id=uuid4,
        new_secret=random_secret,
    )
    await stack.enter_async_context(
        repeating(app[keys.KEYS].write_uses, every_seconds=_USES_SECONDS, at_end=True)
    )
    app[VERIFIER] = LivingAccounts(LocalVerifier(app[_SIGNING_KEYS]), app[keys.KEYS], users)


async def _accounts(
    app: web.Application,
    stack: AsyncExitStack,
    base: Foundation,
    users: PostgresUsers,
    passwords: BcryptPasswords,
    settings: UsersSettings,
) -> None:
    """Accounts, logins and forgotten passwords."""
    secret_rule = re.compile(settings.pass_regex)
    rights = PostgresRights(base.database)
    guard = await _login_guard(stack, settings)
    app[accounts.ACCOUNTS] = AccountService(
        users=users,
        rights=rights,
        passwords=passwords,
        secret_rule=secret_rule,
        is_open=settings.allow_self_register,
        registrations=await _attempts(
            stack, settings, "users-registrations", settings.registrations_per_minute
        ),
        now=utc_now,
        new_id=uuid4,
    )
    app[accounts.ACCESS] = AccessService(
        users=users,
        access=PostgresAccess(base.outbox),
        rights=rights,
        passwords=passwords,
        guard=guard,
        secret_rule=secret_rule,
        access_lifetime=settings.access_token_duration,
        now=utc_now,
    )
    app[tokens.LOGINS] = LoginService(
        users=users,
        families=PostgresFamilies(base.database, base.outbox),
        passwords=passwords,
        tokens=app[_SIGNING_KEYS],
        guard=guard,
        access_lifetime=settings.access_token_duration,
        refresh_lifetime=settings.refresh_token_duration,
        now=utc_now,
        new_id=uuid4,
    )
    app[resets.RESETS] = ResetService(
        users=users,
        resets=PostgresResets(base.database, base.outbox),
        passwords=passwords,
        post=await stack.enter_async_context(Post.open(mailer_of(settings))),
        requests=await _attempts(
            stack, settings, "users-reset-requests", settings.reset_requests_per_minute
        ),
        secret_rule=secret_rule,
        base_url=settings.reset_base_url.rstrip("/"),
        path=settings.reset_path,
        access_lifetime=settings.access_token_duration,
        now=utc_now,
        new_secret=random_secret,
    )


def _groups(app: web.Application, base: Foundation, users: PostgresUsers) -> None:
    """Groups and policies."""
    app[groups.GROUPS] = GroupService(
        groups=PostgresGroups(base.database, base.outbox),
        users=users,
        rights=PostgresRights(base.database),
        now=utc_now,
        new_id=uuid4,
    )
    app[policies.POLICIES] = PolicyService(PostgresPolicies(base.database, base.outbox), utc_now)


async def _internals(
    app: web.Application,
    stack: AsyncExitStack,
    base: Foundation,
    users: PostgresUsers,
    settings: UsersSettings,
) -> None:
    """What other services ask."""
    app[SERVICE_SECRETS] = ServiceSecrets(service_hashes(settings))
    app[internal.REVOCATIONS] = RevocationService(PostgresRevocations(base.database), utc_now)
    await stack.enter_async_context(
        repeating(app[internal.REVOCATIONS].sweep, every_seconds=_SWEEP_SECONDS)
    )
    app[internal.RIGHTS] = RightService(users=users, rights=PostgresRights(base.database))
    app[exchange.EXCHANGE] = ExchangeService(
        users=users,
        tokens=app[_SIGNING_KEYS],
        keys=app[keys.KEYS],
        secrets=app[SERVICE_SECRETS],
        now=utc_now,
        new_id=uuid4,
    )


async def _login_guard(stack: AsyncExitStack, settings: UsersSettings) -> LoginGuard:
    limit, redis_url = settings.login_failures_per_minute, settings.redis_url
    return LoginGuard(
        by_address=await stack.enter_async_context(
            FailureLimit.open(redis_url, "users-logins-by-address", limit)
        ),
        by_identity=await stack.enter_async_context(
            FailureLimit.open(redis_url, "users-logins-by-identity", 0)
        ),
        is_slowing=limit > 0,
    )


async def _attempts(
    stack: AsyncExitStack, settings: UsersSettings, name: str, per_minute: int
) -> AttemptLimit:
    counts = FailureLimit.open(settings.redis_url, name, per_minute)
    return AttemptLimit(await stack.enter_async_context(counts), per_minute)


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
