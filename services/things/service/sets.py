"""The entities of a mapping, made and withdrawn as a whole by the service that maps gateways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.things.domain import (
    Connection,
    EntitySet,
    IdWithdrawn,
    SetDraft,
    SetOwnedByAnother,
    SetState,
    Withdrawal,
    checked_actions,
)
from services.things.ports import Facts, SetStore
from services.things.service.authorization import Authorization
from services.things.service.making import made_channels, made_things
from shared.contracts.things import DEFAULT_ACTIONS
from shared.errors import InvalidInput, Unavailable
from shared.http.auth import Caller


class SetService:
    """Applies and withdraws sets; both may be repeated, also at the same time."""

    def __init__(
        self,
        sets: SetStore,
        facts: Facts,
        authorization: Authorization,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._sets = sets
        self._facts = facts
        self._authorization = authorization
        self._now = now
        self._new_id = new_id

    async def apply(self, caller: Caller, drafts: Mapping[UUID, SetDraft]) -> dict[UUID, datetime]:
        """Make mappings' things, channels and connections for the user, of each all or none.

        Args:
            drafts: By mapping id. If one is refused, others may have been made.

        Returns:
            When each set was made; a repeat finds it and answers the same.

        Raises:
            Forbidden: Not the mapping service, or with a token for something else.
            InvalidInput: A connection leaves its set or is there twice, an action does not
                exist, or a secret is missing.
            IdTaken: Another entity has an id of a set.
            SecretTaken: Another thing has a secret of a set.
            IdWithdrawn: A set, or an id of it, was withdrawn.
            SetOwnedByAnother: A mapping id is another user's.

        Events: `SetApplied` of each.
        """
        for mapping_id, draft in drafts.items():
            self._authorization.apply_set(caller, mapping_id)
            _require_closed(draft)
        moment = self._now()
        made = await self._sets.insert(
            [
                self._made_set(caller.user_id, mapping_id, draft, moment)
                for mapping_id, draft in drafts.items()
            ]
        )
        return {
            mapping_id: moment if mapping_id in made else await self._made_at(caller, mapping_id)
            for mapping_id in drafts
        }

    def _made_set(
        self, owner_id: UUID, mapping_id: UUID, draft: SetDraft, moment: datetime
    ) -> EntitySet:
        return EntitySet(
            mapping_id=mapping_id,
            owner_id=owner_id,
            created_at=moment,
            things=made_things(draft.things, owner_id, moment, self._new_id),
            channels=made_channels(draft.channels, owner_id, moment, self._new_id),
            connections=[
                Connection(
                    thing_id=connection.thing_id,
                    channel_id=connection.channel_id,
                    owner_id=owner_id,
                    actions=checked_actions(connection.actions, DEFAULT_ACTIONS),
                    created_at=moment,
                    updated_at=moment,
                    updated_by=None,
                )
                for connection in draft.connections
            ],
        )

    async def _made_at(self, caller: Caller, mapping_id: UUID) -> datetime:
        """When the set that has a mapping id was made, if it is the caller's and still counts."""
        claim = await self._sets.find(mapping_id)
        if claim is None:
            raise Unavailable("the set is being forgotten")
        if claim.owner_id != caller.user_id:
            raise SetOwnedByAnother
        if claim.is_withdrawn:
            raise IdWithdrawn
        return claim.created_at

    async def view(self, caller: Caller, mapping_ids: Sequence[UUID]) -> dict[UUID, SetState]:
        """Show what there is of mappings' sets now, with current secrets.

        Returns:
            By mapping id, without those never applied, withdrawn, or another user's.

        Raises:
            Forbidden: Not the mapping service, or with a token that is not for all of them.
        """
        for mapping_id in mapping_ids:
            self._authorization.manage_set(caller, mapping_id)
        return await self._sets.view(mapping_ids, caller.user_id)

    async def withdraw(self, caller: Caller, withdrawals: Sequence[Withdrawal]) -> None:
        """Remove what sets made of these ids, and keep them from being made from now on.

        A set never seen is withdrawn too, so that an application that was only slow cannot leave
        anything behind; for a day nothing else is made with these ids either. What belongs to
        another user by now stays.

        Raises:
            Forbidden: Not the mapping service, or with a token that is not for all of them;
                nothing was changed.
            SetOwnedByAnother: A mapping id is another user's; the other sets are withdrawn.

        Events: `ThingDeleted` and `ChannelDeleted`, with the ids that were there.
        """
        for withdrawal in withdrawals:
            self._authorization.manage_set(caller, withdrawal.mapping_id)
        try:
            withdrawn = await self._sets.withdraw(
                withdrawals, owner_id=caller.user_id, withdrawn_at=self._now()
            )
        finally:
            await self._facts.forget(
                thing_ids=[member for each in withdrawals for member in each.thing_ids],
                channel_ids=[member for each in withdrawals for member in each.channel_ids],
            )
        if not withdrawn.issuperset(each.mapping_id for each in withdrawals):
            raise SetOwnedByAnother


def _require_closed(draft: SetDraft) -> None:
    thing_ids = {thing.id for thing in draft.things}
    channel_ids = {channel.id for channel in draft.channels}
    pairs = {(connection.thing_id, connection.channel_id) for connection in draft.connections}
    if len(pairs) < len(draft.connections):
        raise InvalidInput("a connection is listed twice")
    if any(thing not in thing_ids or channel not in channel_ids for thing, channel in pairs):
        raise InvalidInput("a connection leaves the set")
    if not all(thing.secret for thing in draft.things):
        raise InvalidInput("missing secret")
