"""Changes of configs that go along with changes of their thing's connections.

Such a change has the config for itself, without holding a transaction while it calls things.
What it did in things is taken back unless it can be stored. If it cannot be taken back either, or
the process ends in between, the next change first restores what the config's state says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from services.bootstrap.domain import Claim, ConfigNotFound, ThingsUnavailable
from services.bootstrap.ports import ChangedConfigs, NewId, Now, UsersThings
from services.bootstrap.service.links import Links
from services.bootstrap.service.lookup import require_few, visible_channels
from shared.contracts.bootstrap import State
from shared.errors import DomainError, Unavailable
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

# Together shorter than a claim lasts.
_WORK_SECONDS = 20.0
_UNDO_SECONDS = 20.0
_WAIT_SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.02

Work = Callable[[Claim, Links], Awaitable[bool]]


class ChangeService:
    """Switches configs on and off, changes their channels, and removes them."""

    def __init__(
        self, configs: ChangedConfigs, things: UsersThings, *, now: Now, new_id: NewId
    ) -> None:
        self._configs = configs
        self._things = things
        self._now = now
        self._new_id = new_id

    async def update_state(self, caller: Caller, thing_id: UUID, state: State) -> None:
        """Connect the thing to all of the config's channels, or disconnect it.

        Raises:
            ConfigNotFound: Unknown, or another user's.
            ThingsUnavailable: Things did not do it; nothing has changed.

        Events: `ConfigActivated` or `ConfigDeactivated`, if the state is another one.
        """

        async def work(claim: Claim, links: Links) -> bool:
            if claim.state is state:
                await self._configs.release(claim, is_sure=True)
                return True
            moment = self._now()
            if state is State.ACTIVE:
                await links.connect(claim.channel_ids)
            else:
                await links.disconnect(claim.channel_ids)
            return await self._configs.update_state(claim, state, moment)

        await self._change(caller, thing_id, work)

    async def update_channels(
        self, caller: Caller, thing_id: UUID, channel_ids: Sequence[UUID]
    ) -> None:
        """Replace all channels; those of an active config are connected and disconnected.

        Raises:
            ConfigNotFound: Unknown, or another user's.
            InvalidInput: Too many.
            ChannelsNotVisible: A new one does not exist for the caller, or is disabled.
            ThingsUnavailable: Things did not do it; nothing has changed.

        Events: `ConfigUpdated`.
        """
        require_few(channel_ids)

        async def work(claim: Claim, links: Links) -> bool:
            moment = self._now()
            known = {channel.id: channel for channel in claim.channels}
            added = [channel_id for channel_id in channel_ids if channel_id not in known]
            for channel in await visible_channels(self._things, caller.token, added, moment):
                known[channel.id] = channel
            if claim.state is State.ACTIVE:
                await links.connect(added)
                await links.disconnect([i for i in claim.channel_ids if i not in channel_ids])
            channels = [known[channel_id] for channel_id in channel_ids]
            return await self._configs.update_channels(claim, channels, moment)

        await self._change(caller, thing_id, work, channel_ids)

    async def remove(self, caller: Caller, thing_id: UUID) -> None:
        """Remove a config, so that its gateway fetches nothing any more.

        The thing of an active config is disconnected first.

        Raises:
            ConfigNotFound: Unknown, or another user's.
            ThingsUnavailable: Things did not disconnect it; nothing has changed.

        Events: `ConfigDeleted`.
        """

        async def work(claim: Claim, links: Links) -> bool:
            if claim.state is State.ACTIVE:
                await links.disconnect(claim.channel_ids)
            return await self._configs.delete(claim)

        await self._change(caller, thing_id, work)

    async def _change(
        self, caller: Caller, thing_id: UUID, work: Work, channel_ids: Sequence[UUID] = ()
    ) -> None:
        claim = await self._claim(caller, thing_id, channel_ids)
        links = Links(self._things, caller.token, thing_id)
        try:
            async with asyncio.timeout(_WORK_SECONDS):
                if claim.is_unsure:
                    await self._settle(claim, Links(self._things, caller.token, thing_id))
                if not await work(claim, links):
                    raise ConfigNotFound  # removed in the meantime, by what happened in things
        except BaseException as error:
            await self._take_back(claim, links, is_settled=not claim.is_unsure)
            if isinstance(error, TimeoutError):
                raise ThingsUnavailable from None
            raise

    async def _claim(self, caller: Caller, thing_id: UUID, channel_ids: Sequence[UUID]) -> Claim:
        """Wait until no other change has the config."""
        deadline = time.monotonic() + _WAIT_SECONDS
        change_id = self._new_id()
        while True:
            claim = await self._configs.claim(thing_id, caller.user_id, change_id, channel_ids)
            if claim is not None:
                return claim
            if time.monotonic() > deadline:
                raise Unavailable("the config is being changed")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _settle(self, claim: Claim, links: Links) -> None:
        """Make true what the state says, after a change that was given up."""
        own = claim.channel_ids
        if claim.state is State.ACTIVE:
            await links.connect(own)
            await links.disconnect([i for i in claim.touched if i not in own])
        else:
            await links.disconnect(list(dict.fromkeys([*own, *claim.touched])))

    async def _take_back(self, claim: Claim, links: Links, *, is_settled: bool) -> None:
        """Undo in things what was not stored, as far as nobody can have built on it."""
        try:
            async with asyncio.timeout(_UNDO_SECONDS):
                if not links.has_changed:
                    await self._configs.release(claim, is_sure=is_settled)
                elif await self._configs.is_ours(claim):
                    is_undone = await self._undo(links)
                    await self._configs.release(
                        claim,
                        is_sure=is_settled and is_undone,
                        reconnected_at=self._now() if is_undone else None,
                    )
        except (DomainError, TimeoutError) as error:
            logger.warning("change_given_up", thing_id=claim.thing_id, error=type(error).__name__)

    @staticmethod
    async def _undo(links: Links) -> bool:
        try:
            await links.undo()
        except ThingsUnavailable:
            return False
        return True
