"""Mail that is written and sent after the answer, so that nobody can tell whether there was any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from prometheus_client import Counter

from services.users.domain.resets import MailNotSetUp, MailRefused, ResetMail
from services.users.ports import Mailer
from shared.errors import DomainError, Unavailable
from shared.tasks import stop

logger = structlog.get_logger(__name__)

MAILS = Counter("mails_total", "Mails by what became of them.", ["result"])
MOST_WAITING = 200
_PAUSES_SECONDS = (1.0, 5.0, 15.0, 60.0, 120.0)  # together shorter than a link is good
_PATIENCE_SECONDS = 5.0

Write = Callable[[], Awaitable[ResetMail | None]]


class Post:
    """Sends mails in tasks of its own, again and again while the mail server does not answer.

    Args:
        mailer: None if the operator has set up nothing.
        pauses: Seconds between the attempts for one mail.
    """

    def __init__(self, mailer: Mailer | None, pauses: Sequence[float] = _PAUSES_SECONDS) -> None:
        self._mailer = mailer
        self._pauses = pauses
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, mailer: Mailer | None, pauses: Sequence[float] = _PAUSES_SECONDS
    ) -> AsyncIterator[Post]:
        """Send for as long as the context lasts; then what is being sent is finished."""
        post = cls(mailer, pauses)
        try:
            yield post
        finally:
            post._closing.set()
            if post._tasks:
                await asyncio.wait(post._tasks, timeout=_PATIENCE_SECONDS)
            for task in list(post._tasks):
                await stop(task)

    def require_set_up(self) -> None:
        """Raises MailNotSetUp."""
        if self._mailer is None:
            raise MailNotSetUp

    def add(self, write: Write) -> None:
        """Write a mail and send it, later; raises Unavailable if too many wait already."""
        if len(self._tasks) >= MOST_WAITING:
            raise Unavailable("too many mails are waiting", retry_after_seconds=60)
        task = asyncio.create_task(self._deliver(write), name="mail")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, write: Write) -> None:
        try:
            mail = await write()
        except DomainError as error:
            logger.warning("mail_not_written", reason=error.reason)
            return
        if mail is not None:
            MAILS.labels(await self._send(mail)).inc()

    async def _send(self, mail: ResetMail) -> str:
        """Send a mail, and say what became of it; neither address nor link is logged."""
        assert self._mailer is not None  # noqa: S101 - asked for before it was added
        for pause in (*self._pauses, None):
            try:
                await self._mailer.send(mail)
            except MailRefused as error:
                logger.warning("mail_refused", reason=str(error))
                return "refused"
            except Unavailable as error:
                logger.warning("mail_put_off", reason=error.reason, pause_seconds=pause)
                if pause is None or await self._is_closing_within(pause):
                    break
            else:
                return "sent"
        return "given_up"

    async def _is_closing_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True
