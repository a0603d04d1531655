"""What peers are told: the revocation list, and answers about single certificates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from services.certs.authority import Authority
from services.certs.domain import SignedList, Standing
from services.certs.ocsp import Responder, Unanswerable
from services.certs.ports import Statuses

_LOOKS_EVERY_SECONDS = 1.0
_GOOD_FOR = timedelta(hours=1)  # then a list is signed anew even if nothing has changed


class StatusService:
    """Tells anybody which certificates are still good."""

    def __init__(
        self, statuses: Statuses, authority: Authority, *, now: Callable[[], datetime]
    ) -> None:
        self._statuses = statuses
        self._authority = authority
        self._responder = Responder(authority)
        self._now = now
        self._list: SignedList | None = None
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def chain(self) -> str:
        """The authority's certificates in PEM, its own first."""
        return self._authority.chain

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate in DER."""
        return self._authority.content

    async def revocation_list(self) -> bytes:
        """The newest list in DER; at most a second behind what is revoked."""
        async with self._lock:
            if self._list is None or time.monotonic() - self._looked_at >= _LOOKS_EVERY_SECONDS:
                self._list = await self._newest_list()
                self._looked_at = time.monotonic()
            return self._list.content

    async def answer(self, question: bytes) -> bytes:
        """The answer to a question by OCSP, both in DER."""
        try:
            asked = self._responder.read(question)
        except Unanswerable as error:
            return error.answer
        now = self._now()
        standing = Standing(is_known=False)
        if asked.serial:
            standing = await self._statuses.find_standing(asked.serial, self._authority.id, now)
        return await asyncio.to_thread(self._responder.answer, asked, standing, now)

    async def _newest_list(self) -> SignedList:
        """The kept list if it still says what is so, else the next one."""
        authority = self._authority.id
        while True:
            now = self._now()
            kept = await self._statuses.find_list(authority)
            known = await self._statuses.known_revocations(authority, now)
            if kept is not None and kept.known == known and now - kept.signed_at < _GOOD_FOR:
                return kept
            revocations = await self._statuses.list_revocations(authority, now)
            number = 1 if kept is None else kept.number + 1
            content = await asyncio.to_thread(
                self._authority.revocation_list, number, revocations, now
            )
            signed = SignedList(number=number, signed_at=now, content=content, known=known)
            if await self._statuses.insert_list(authority, signed):
                return signed
            # Another process has just kept one of this number.
