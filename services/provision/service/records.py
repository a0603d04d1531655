"""The journal for its owner: look, remove, try again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.provision.domain import (
    ConnectedElsewhere,
    MappingNotFound,
    MappingRecord,
    MappingRunning,
    MappingStatus,
    NothingToRetry,
    RecordFilter,
    StillRunning,
    Unfinished,
)
from services.provision.ports import Journal, Records, Users
from services.provision.saga import Peers
from services.provision.service.undoing import Undoing
from shared.errors import NotFound
from shared.http.auth import Caller
from shared.http.paging import Page

_IN_WORK = (MappingStatus.RUNNING, MappingStatus.UNDOING)
_GONE = (MappingStatus.UNDONE, MappingStatus.DELETED)


class RecordService:
    """What became of a user's mappings; nobody else sees them."""

    def __init__(
        self,
        *,
        records: Records,
        journal: Journal,
        users: Users,
        peers: Peers,
        undoing: Undoing,
        patience: timedelta,
    ) -> None:
        self._records = records
        self._journal = journal
        self._users = users
        self._peers = peers
        self._undoing = undoing
        self._patience = patience

    async def list_page(
        self, caller: Caller, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        """How many of the caller's mappings match, and a part of them, oldest first."""
        return await self._records.list_page(caller.user_id, wanted, page)

    async def get(self, caller: Caller, external_id: str) -> MappingRecord:
        """The caller's newest mapping of a gateway; raises MappingNotFound."""
        record = await self._records.find_newest(caller.user_id, external_id)
        if record is None:
            raise MappingNotFound
        return record

    async def delete(
        self, caller: Caller, external_id: str, *, force: bool, keep_channels: bool
    ) -> None:
        """Remove everything a mapping made; what is gone already is fine.

        Args:
            force: Also where its entities are connected to others by now.
            keep_channels: Leave the channels.

        Raises:
            MappingNotFound: There is none, or it was removed.
            MappingRunning: It is still being made, or taken back.
            ConnectedElsewhere: Naming the connections; nothing was changed.
            StillRunning: Services do not answer; removing goes on.

        Events: `MappingDeleted`.
        """
        record = await self.get(caller, external_id)
        if record.status in _GONE:
            raise MappingNotFound
        if record.status in _IN_WORK:
            raise MappingRunning
        token = ""
        if not force:
            token = await self._refuse_if_connected(caller, record, keep_channels=keep_channels)
        unfinished = await self._journal.start_removal(record.id, keep_channels=keep_channels)
        if unfinished is None:  # somebody else was first, and it goes on as he wanted it
            unfinished = await self._journal.find_unfinished(record.id)
        if unfinished is None:
            raise MappingNotFound
        await self._finish(unfinished, token)

    async def retry(self, caller: Caller, external_id: str) -> MappingRecord:
        """Try now to take a stuck or broken mapping back, instead of at the next turn.

        A broken one is removed, so that the gateway can be mapped afresh.

        Raises:
            MappingNotFound: There is none.
            NothingToRetry: It is neither stuck nor broken.
            StillRunning: Services still do not answer.
        """
        record = await self.get(caller, external_id)
        if record.status is MappingStatus.BROKEN:
            await self.delete(caller, external_id, force=True, keep_channels=False)
        elif record.status in (MappingStatus.STUCK, MappingStatus.UNDOING):
            unfinished = await self._journal.find_unfinished(record.id)
            if unfinished is not None:
                self._undoing.start(unfinished)
                self._undoing.hurry(record.id)
                await self._finish(unfinished)
        else:
            raise NothingToRetry(record.status)
        return await self.get(caller, external_id)

    async def _refuse_if_connected(
        self, caller: Caller, record: MappingRecord, *, keep_channels: bool
    ) -> str:
        """Look who is connected; answers the token, with which the mapping may be taken back."""
        acting = await self._users.act_for_caller(caller.token, f"withdraw:{record.id}")
        try:
            state = await self._peers.things.view_set(acting.access_token, record.id)
        except NotFound:
            return acting.access_token
        lost = [
            {"thing_id": str(connection.thing_id), "channel_id": str(connection.channel_id)}
            for connection in state.foreign_connections
            if not keep_channels or connection.thing_id in record.thing_ids
        ]
        if lost:
            raise ConnectedElsewhere(lost)
        return acting.access_token

    async def _finish(self, unfinished: Unfinished, token: str = "") -> None:
        gone = self._undoing.start(unfinished, token)
        done, _ = await asyncio.wait([gone], timeout=self._patience.total_seconds())
        if not done:
            raise StillRunning
