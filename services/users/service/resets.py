"""Forgotten passwords: a link by mail that is good once, for a quarter of an hour.

Who asks learns nothing about the address: the answer is given before anything is written or sent,
and is the same for every address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from services.users.domain.accounts import MalformedIdentity, MissingSecret, User
from services.users.domain.logins import Login
from services.users.domain.resets import (
    MalformedReferer,
    MissingEmail,
    MissingResetToken,
    ResetMail,
    ResetRefused,
    SecretsDiffer,
)
from services.users.identity import canonical_identity
from services.users.ports import Passwords, ResetStore, UserStore
from services.users.service.exchange import hash_of
from services.users.service.guessing import AttemptLimit
from services.users.service.post import Post
from services.users.service.secrets import require_secret

LIFETIME = timedelta(minutes=15)
MOST_AT_ONCE = 5  # links that are good at the same time: nobody's mailbox is flooded
_MAX_REFERER = 2048
_UNFIT = re.compile(r"[\x00-\x20\x7f\"'<>\\^`{|}]")  # no address has these, but attacks do


class ResetService:
    """Sends links to people who have forgotten their password, and lets them set another.

    Args:
        requests: How often one address may ask.
        base_url: Where links lead, whatever `Referer` says; empty to follow it.
        path: What is put behind that.
        access_lifetime: How long a revoked token could still be presented.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        resets: ResetStore,
        passwords: Passwords,
        post: Post,
        requests: AttemptLimit,
        secret_rule: re.Pattern[str],
        base_url: str,
        path: str,
        access_lifetime: timedelta,
        now: Callable[[], datetime],
        new_secret: Callable[[], str],
    ) -> None:
        self._users = users
        self._resets = resets
        self._passwords = passwords
        self._post = post
        self._requests = requests
        self._secret_rule = secret_rule
        self._base_url = base_url
        self._path = path
        self._access_lifetime = access_lifetime
        self._now = now
        self._new_secret = new_secret

    async def request(self, address: str, *, email: str, referer: str) -> None:
        """Send a link to the account of a mail address, if there is one that takes part.

        Raises:
            InvalidInput: No mail address, or nowhere for the link to lead.
            TooManyRequests: This address asked too often.
            Unavailable: No mail can be sent, or too many are on their way.
        """
        if not email:
            raise MissingEmail
        base = self._base_url or base_of(referer)
        self._post.require_set_up()
        await self._requests.admit(address)
        login = await self._find(email)
        user = login.user if login is not None and login.user.is_enabled else None
        self._post.add(lambda: self._mail(user, base))

    async def reset(self, *, token: str, password: str, confirmation: str) -> None:
        """Set another password and end all logins of before.

        Raises:
            InvalidInput: Something is missing, or the password breaks the rule.
            ResetRefused: The token is not good, or not any more.

        Events: `UserSecretChanged`.
        """
        if not token:
            raise MissingResetToken
        if not password or not confirmation:
            raise MissingSecret
        if password != confirmation:
            raise SecretsDiffer
        require_secret(password, self._secret_rule)
        token_hash = hash_of(token)
        user_id = await self._resets.find_user(token_hash, now=self._now())
        if user_id is None:
            raise ResetRefused
        secret_hash = await self._passwords.hash(password)
        now = self._now()
        if not await self._resets.use(
            token_hash, user_id, secret_hash=secret_hash, at=now, until=now + self._access_lifetime
        ):
            raise ResetRefused

    async def _find(self, email: str) -> Login | None:
        try:
            return await self._users.find_login(canonical_identity(email))
        except MalformedIdentity:
            return None

    async def _mail(self, user: User | None, base: str) -> ResetMail | None:
        """Make a link, if there is an account that may get another one."""
        if user is None:
            return None
        token, now = self._new_secret(), self._now()
        is_made = await self._resets.insert(
            hash_of(token), user.id, now=now, expires_at=now + LIFETIME, at_most=MOST_AT_ONCE
        )
        if not is_made:
            return None
        return ResetMail(
            recipient=user.identity,
            name=user.name,
            link=f"{base}{self._path}?token={quote(token)}",
            lifetime=LIFETIME,
        )


def base_of(referer: str) -> str:
    """The address that links begin with; raises MalformedReferer."""
    if len(referer) > _MAX_REFERER or not referer.isascii() or _UNFIT.search(referer):
        raise MalformedReferer
    try:
        url = urlsplit(referer)
        is_fit = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        raise MalformedReferer from None
    if not is_fit or "@" in url.netloc:
        raise MalformedReferer
    return f"{url.scheme}://{url.netloc}{url.path}".rstrip("/")
