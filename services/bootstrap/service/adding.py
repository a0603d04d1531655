"""Adding a config by hand."""

from __future__ import annotations

from uuid import UUID

import structlog

from services.bootstrap.domain import (
    Config,
    ConfigDraft,
    ThingNotVisible,
    ThingSecretHidden,
    ThingsUnavailable,
    require_label,
)
from services.bootstrap.ports import NewConfigs, NewId, Now, UsersThings
from services.bootstrap.service.lookup import require_few, visible_channels
from shared.contracts.bootstrap import State
from shared.contracts.common import Status
from shared.contracts.things import CreateThingBody, ThingBody
from shared.errors import DomainError, NotFound, Unavailable
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)


class AddingService:
    """Makes configs of things and channels that the caller has in things."""

    def __init__(
        self, configs: NewConfigs, things: UsersThings, *, now: Now, new_id: NewId
    ) -> None:
        self._configs = configs
        self._things = things
        self._now = now
        self._new_id = new_id

    async def add(self, caller: Caller, draft: ConfigDraft) -> UUID:
        """Make an inactive config, and a nameless thing for it if none is given.

        Returns:
            The thing's id.

        Raises:
            InvalidInput: External id or key is missing, or the id is too long.
            ChannelsNotVisible: A channel does not exist for the caller, or is disabled.
            ThingNotVisible: The given thing does not exist for the caller, or is disabled.
            ThingSecretHidden: The caller may see the given thing, but not its secret.
            ExternalIdTaken: A config of this or another user has the external id.
            ThingHasConfig: The given thing has a config.
            ThingsUnavailable: Things does not answer.

        Events: `ConfigCreated`.
        """
        require_label(draft.external_id, draft.external_key)
        require_few(draft.channel_ids)
        moment = self._now()  # before looking anything up: later events are news
        channels = await visible_channels(self._things, caller.token, draft.channel_ids, moment)
        if draft.thing_id is None:
            thing = await self._make_thing(caller.token)
        else:
            thing = await self._visible_thing(caller.token, draft.thing_id)
        config = Config(
            thing_id=thing.id,
            owner_id=caller.user_id,
            thing_key=thing.credentials.secret,
            external_id=draft.external_id,
            external_key=draft.external_key,
            name=draft.name,
            content=draft.content,
            state=State.INACTIVE,
            channels=tuple(channels),
            certificates=draft.certificates,
        )
        try:
            await self._configs.insert(config, moment)
        except BaseException:
            if draft.thing_id is None:
                await self._remove_thing(caller.token, thing.id)
            raise
        return thing.id

    async def _make_thing(self, token: str) -> ThingBody:
        """Make a nameless one of an id chosen here, so that it can be removed also unseen."""
        thing_id = self._new_id()
        try:
            return await self._things.create_thing(token, CreateThingBody(id=str(thing_id)))
        except Unavailable:
            await self._remove_thing(token, thing_id)
            raise ThingsUnavailable from None

    async def _visible_thing(self, token: str, thing_id: UUID) -> ThingBody:
        try:
            thing = await self._things.view_thing(token, thing_id)
        except NotFound:
            raise ThingNotVisible from None
        except Unavailable:
            raise ThingsUnavailable from None
        if thing.status != Status.ENABLED:
            raise ThingNotVisible
        if not thing.credentials.secret:
            raise ThingSecretHidden
        return thing

    async def _remove_thing(self, token: str, thing_id: UUID) -> None:
        try:
            await self._things.delete_thing(token, thing_id)
        except NotFound:
            pass
        except DomainError as error:
            logger.error(  # noqa: TRY400 - the trace tells nothing more
                "thing_left_behind", thing_id=thing_id, error=type(error).__name__
            )
