"""Taking mappings back, however long the services need for it.

Runs in provision's own tasks, never in a request's. The lease tells other processes that somebody
is at it; what a dead process left is found by `watch_for_ever`.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog
from prometheus_client import Gauge

from services.provision.domain import Unfinished
from services.provision.ports import Journal, Users
from services.provision.saga import PAUSES_SECONDS, Peers, take_back
from shared.errors import DomainError

logger = structlog.get_logger(__name__)

STUCK = Gauge(
    "mappings_stuck", "Mappings that cannot be taken back for now.", multiprocess_mode="max"
)

_LONGEST_PAUSE_SECONDS = 10.0
_TAKEN_OVER_AT_ONCE = 50
_AT_WORK = 48  # three quarters of the connections to a service, should one hang


class Undoing:
    """Takes mappings back.

    Args:
        lease_seconds: How long the journal leaves a mapping to a worker that is not heard of.
        stuck_after_seconds: How long a mapping may resist before somebody should look.
    """

    def __init__(
        self,
        journal: Journal,
        users: Users,
        peers: Peers,
        *,
        lease_seconds: float,
        stuck_after_seconds: float,
    ) -> None:
        self._journal = journal
        self._users = users
        self._peers = peers
        self._lease_seconds = lease_seconds
        self._stuck_after_seconds = stuck_after_seconds
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._hurries: dict[UUID, asyncio.Event] = {}
        self._places = asyncio.Semaphore(_AT_WORK)
        self.held: set[UUID] = set()

    def start(self, unfinished: Unfinished, token: str = "") -> asyncio.Task[None]:
        """Take a mapping back in a task of its own, which ends when nothing is left.

        Args:
            token: One to begin with, if there is one that is good for withdrawing it.
        """
        mapping_id = unfinished.mapping_id
        if mapping_id not in self._tasks:
            self._hurries[mapping_id] = asyncio.Event()
            undoing = self._until_gone(unfinished, token)
            task = asyncio.create_task(undoing, name=f"undo-{mapping_id}")
            self._tasks[mapping_id] = task
            task.add_done_callback(lambda _: self._forget(mapping_id))
        return self._tasks[mapping_id]

    def hurry(self, mapping_id: UUID) -> None:
        """Somebody waits for this one: do not wait out the pause before its next try."""
        if mapping_id in self._hurries:
            self._hurries[mapping_id].set()

    async def watch_for_ever(self) -> None:
        """Keep the leases of what is in work here, and take over what a dead process left."""
        while True:
            try:
                working = [*self.held, *self._tasks]
                if working:
                    await self._journal.extend_leases(working)
                free = _TAKEN_OVER_AT_ONCE - len(self._tasks)
                for unfinished in await self._journal.lease_abandoned(max(free, 0)):
                    logger.warning("mapping_taken_over", mapping_id=str(unfinished.mapping_id))
                    self.start(unfinished)
                STUCK.set(await self._journal.count_stuck())
            except DomainError as error:
                logger.warning("journal_not_watched", code=error.code)
            except Exception:
                logger.exception("journal_not_watched")  # and look again: nobody else would
            await asyncio.sleep(self._lease_seconds / 4)

    async def stop(self) -> None:
        """Leave what is not taken back yet to the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_gone(self, unfinished: Unfinished, token: str) -> None:
        started = time.monotonic()
        failures = 0
        while True:
            try:
                async with self._places:
                    await self._take_back(unfinished, token)
            except Exception as error:
                code = error.code if isinstance(error, DomainError) else type(error).__name__
                logger.warning("undo_postponed", mapping_id=str(unfinished.mapping_id), code=code)
                if time.monotonic() - started > self._stuck_after_seconds:
                    await self._report_stuck(unfinished, code)
                token = ""  # it may be at fault
                await self._pause(unfinished.mapping_id, failures)
                failures += 1
            else:
                return

    async def _take_back(self, unfinished: Unfinished, token: str) -> None:
        if not token:
            scope = f"withdraw:{unfinished.mapping_id}"
            token = (await self._users.act_for_user(unfinished.owner_id, scope)).access_token
        await take_back(unfinished, self._peers, token)
        await self._journal.finish_undo(unfinished)

    async def _report_stuck(self, unfinished: Unfinished, code: str) -> None:
        try:
            await self._journal.mark_stuck(unfinished, code)
        except DomainError as error:
            logger.warning("stuck_not_noted", code=error.code)

    def _forget(self, mapping_id: UUID) -> None:
        del self._tasks[mapping_id], self._hurries[mapping_id]

    async def _pause(self, mapping_id: UUID, failures: int) -> None:
        seconds = (
            PAUSES_SECONDS[failures] if failures < len(PAUSES_SECONDS) else _LONGEST_PAUSE_SECONDS
        )
        hurry = self._hurries[mapping_id]
        try:
            async with asyncio.timeout(seconds):
                await hurry.wait()
        except TimeoutError:
            return
        hurry.clear()
