"""What users has revoked, known in every service within a second.

Users' events tell it at once. Its feed is read at start and twice a second: it tells what an event
missed because NATS was down, or this process. Only if both have been silent for five seconds are
tokens that are not known yet refused, as temporarily unavailable.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from shared.contracts.events import Envelope
from shared.contracts.users import RevocationBody, RevocationsBody
from shared.contracts.users_events import (
    KeyRevoked,
    LoginEnded,
    UserDisabled,
    UserRoleChanged,
    UserSecretChanged,
)
from shared.errors import DomainError, Unavailable
from shared.http.auth import Caller
from shared.tasks import stop

logger = structlog.get_logger(__name__)

_PERIOD_SECONDS = 0.5
_PATIENCE_SECONDS = 5.0
_START_SECONDS = 2.0
_KEPT_SECONDS = 24 * 3600  # for what an event told; the feed says it exactly
_SWEEP_SECONDS = 60.0
_OF_USERS = (UserDisabled, UserSecretChanged, UserRoleChanged)
_KINDS = {kind.subject: kind for kind in (*_OF_USERS, LoginEnded, KeyRevoked)}

Fetch = Callable[[int], Awaitable[RevocationsBody]]


class EventStream(Protocol):
    """Where events come from as long as it is up."""

    @property
    def reconnects(self) -> int:
        """How often the connection was lost and found again."""

    async def is_up(self) -> bool:
        """Whether the connection stands."""

    async def listen(self, subject: str, handle: Callable[[bytes], None]) -> None:
        """Get every event of a subject from now on; waits for the first connection."""


class Revocations:
    """Remembers what was revoked until it has expired by itself.

    Args:
        fetch: Reads users' feed from a place on; raises DomainError.
        clock: Seconds that never go back.
    """

    def __init__(
        self, fetch: Fetch, events: EventStream, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._events = events
        self._clock = clock
        self._next = 0
        self._ended: dict[tuple[str, UUID], tuple[int, float]] = {}
        self._loaded = asyncio.Event()
        self._listening = False
        self._whole_since: int | None = None
        self._confirmed_at = float("-inf")
        self._swept_at = 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, fetch: Fetch, events: EventStream) -> AsyncIterator[Revocations]:
        """Follow feed and events for as long as the context lasts."""
        revocations = cls(fetch, events)
        tasks = [
            asyncio.create_task(revocations._listen(), name="revocation-events"),
            asyncio.create_task(revocations._read_for_ever(), name="revocation-feed"),
        ]
        try:
            yield revocations
        finally:
            for task in tasks:
                await stop(task)

    async def is_loaded(self) -> bool:
        """Whether the feed has been read once."""
        return self._loaded.is_set()

    def has_ended(self, caller: Caller) -> bool:
        """See RevocationSource. A service that acts for a user goes on until its token expires."""
        if caller.service:
            return False
        if caller.key_id is not None:
            return ("key", caller.key_id) in self._ended
        if caller.login_id is not None and ("login", caller.login_id) in self._ended:
            return True
        return self.epoch_of(caller.user_id) > caller.epoch

    def epoch_of(self, user_id: UUID) -> int:
        """Tokens of a user from before this epoch are dead."""
        return self._ended.get(("user", user_id), (0, 0.0))[0]

    async def require_fresh(self) -> None:
        """See RevocationSource."""
        if not self._loaded.is_set():
            try:
                await asyncio.wait_for(self._loaded.wait(), _START_SECONDS)
            except TimeoutError:
                raise Unavailable("revoked tokens are not known yet") from None
        if self._clock() - self._confirmed_at > _PATIENCE_SECONDS:
            raise Unavailable("revoked tokens are not known")

    async def read(self) -> None:
        """Read the feed once; without it, an event stream that missed nothing will do."""
        reconnects = self._events.reconnects
        is_whole = self._listening and await self._events.is_up()
        started = self._clock()
        try:
            body = await self._fetch(self._next)
        except DomainError as error:
            if is_whole and reconnects == self._whole_since:
                self._confirmed_at = started
            elif self._confirmed_at + _PATIENCE_SECONDS < started:
                logger.warning("revocations_unknown", reason=error.reason or error.summary)
            return
        for revocation in body.revocations:
            self._add(revocation)
        self._next = body.next
        self._confirmed_at = started
        self._whole_since = reconnects if is_whole else None
        self._loaded.set()

    async def _read_for_ever(self) -> None:
        while True:
            await self.read()
            self._sweep()
            await asyncio.sleep(_PERIOD_SECONDS)

    async def _listen(self) -> None:
        for subject in _KINDS:
            await self._events.listen(subject, self._hear)
        self._listening = True

    def _hear(self, message: bytes) -> None:
        try:
            told = msgspec.json.decode(message, type=Envelope)
            event = msgspec.json.decode(told.data, type=_KINDS[told.subject])
        except (msgspec.DecodeError, KeyError):
            logger.warning("revocation_event_malformed")  # the feed will tell
            return
        until = int(time.time()) + _KEPT_SECONDS
        if isinstance(event, LoginEnded):
            body = RevocationBody(kind="login", id=event.login_id, epoch=0, expires_at=until)
        elif isinstance(event, KeyRevoked):
            body = RevocationBody(kind="key", id=event.key_id, epoch=0, expires_at=until)
        else:
            assert isinstance(event, _OF_USERS)  # noqa: S101 - the table above has no others
            body = RevocationBody(
                kind="user", id=event.user_id, epoch=event.epoch, expires_at=until
            )
        self._add(body)

    def _add(self, revocation: RevocationBody) -> None:
        name = (revocation.kind, revocation.id)
        epoch, expires_at = self._ended.get(name, (0, 0.0))
        self._ended[name] = (max(epoch, revocation.epoch), max(expires_at, revocation.expires_at))

    def _sweep(self) -> None:
        """Forget what has expired by itself."""
        if self._clock() - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = self._clock()
        now = time.time()
        self._ended = {name: ended for name, ended in self._ended.items() if ended[1] > now}
