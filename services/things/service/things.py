"""What may happen to things, and what a device's secret tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from services.things.domain import (
    Filter,
    Thing,
    ThingChange,
    ThingDraft,
    ThingNotFound,
    UserNotFound,
    canonical_id,
)
from services.things.ports import Facts, People, ThingStore
from services.things.service.authorization import Authorization
from services.things.service.making import made_things
from shared.contracts.common import Status, Visibility
from shared.errors import InvalidInput, StatusAlreadyAssigned
from shared.http.auth import Caller
from shared.http.paging import Page


class ThingService:
    """Makes, shows, lists, changes and removes things."""

    def __init__(
        self,
        things: ThingStore,
        facts: Facts,
        people: People,
        authorization: Authorization,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._things = things
        self._facts = facts
        self._people = people
        self._authorization = authorization
        self._now = now
        self._new_id = new_id

    async def create(self, caller: Caller, drafts: Sequence[ThingDraft]) -> list[Thing]:
        """Make things, all or none, one microsecond apart so that lists keep their order.

        Raises:
            IdTaken: Another thing has an id that was chosen.
            IdWithdrawn: A chosen id was withdrawn.
            SecretTaken: Another thing has a secret that was chosen.
            InvalidInput: Drafts of an admin that name different owners.

        Events: `ThingCreated`, one for all.
        """
        owner_ids = {self._authorization.owner_of_new(caller, draft.owner) for draft in drafts}
        if len(owner_ids) > 1:
            raise InvalidInput("things made together need one owner")
        (owner_id,) = owner_ids
        things = made_things(drafts, owner_id, self._now(), self._new_id)
        await self._things.insert(things)
        return things

    async def view(self, caller: Caller, thing_id: UUID) -> Thing:
        """Show a thing, also a disabled one; raises ThingNotFound."""
        thing = await self._authorization.view_thing(caller, await self._things.find(thing_id))
        return await self._revealed(caller, thing)

    async def read(self, caller: Caller, thing_id: UUID) -> Thing:
        """Show a user's thing with its secret to the service that configures gateways.

        Raises:
            Forbidden: Another service, or with a token for something else.
            ThingNotFound: Unknown, or not the user's own.
        """
        self._authorization.read_thing(caller, thing_id)
        thing = await self._things.find(thing_id)
        if thing is None or thing.owner_id != caller.user_id:
            raise ThingNotFound
        return thing

    async def list_page(
        self, caller: Caller, wanted: Filter, page: Page, *, visibility: Visibility, owner: str
    ) -> tuple[int, list[Thing]]:
        """How many things match and the caller may see, and those on the page."""
        reach = self._authorization.things_reach(caller, visibility, owner)
        total, things = await self._things.list_page(reach, wanted, page)
        return total, await self._authorization.reveal(caller, things)

    async def update(
        self, caller: Caller, thing_id: UUID, change: ThingChange, *, hides_unseen: bool = False
    ) -> Thing:
        """Change members of an enabled thing.

        Args:
            hides_unseen: Whether a thing the caller cannot see is unknown to him, as the first
                clients expect, or forbidden.

        Raises:
            ThingNotFound: Disabled, or unknown.
            Forbidden: Not the caller's.

        Events: `ThingUpdated`, if there is something to change.
        """
        seen = await self._authorization.change_thing(
            caller, await self._things.find(thing_id), "c_update", hides_unseen=hides_unseen
        )
        if not change.members:
            thing = seen if seen.status is Status.ENABLED else None
        else:
            thing = await self._things.update(
                seen, change, changed_at=self._now(), changed_by=caller.user_id
            )
        return await self._revealed(caller, thing)

    async def update_secret(
        self, caller: Caller, thing_id: UUID, secret: str, *, hides_unseen: bool = False
    ) -> Thing:
        """Give an enabled thing another secret; the one before stops working at once.

        Args:
            hides_unseen: See `update`.

        Raises:
            InvalidInput: The secret is empty.
            SecretTaken: Another thing has it.
            ThingNotFound: Disabled, or unknown.
            Forbidden: Not the caller's.

        Events: `ThingSecretChanged`.
        """
        if not secret:
            raise InvalidInput("missing secret")
        seen = await self._authorization.change_thing(
            caller, await self._things.find(thing_id), "c_update", hides_unseen=hides_unseen
        )
        try:
            thing = await self._things.update_secret(
                seen, secret, changed_at=self._now(), changed_by=caller.user_id
            )
        finally:
            await self._forget(thing_id)
        return await self._revealed(caller, thing)

    async def update_owner(self, caller: Caller, thing_id: UUID, owner: str) -> Thing:
        """Give an enabled thing to another user; the one before loses access at once.

        Raises:
            InvalidInput: No owner, or not a user id.
            UserNotFound: There is no such user.
            ThingNotFound: Disabled, or unknown.
            Forbidden: Not the caller's.

        Events: `ThingOwnerChanged`.
        """
        if not owner:
            raise InvalidInput("missing entity owner")
        owner_id = canonical_id(owner)
        seen = self._authorization.own_thing(caller, await self._things.find(thing_id))
        if not await self._people.exists(owner_id):
            raise UserNotFound
        thing = await self._things.update_owner(
            seen, owner_id, changed_at=self._now(), changed_by=caller.user_id
        )
        return await self._revealed(caller, thing)

    async def update_status(self, caller: Caller, thing_id: UUID, status: Status) -> Thing:
        """Enable or disable a thing; a disabled one's secret stops working at once.

        Raises:
            StatusAlreadyAssigned: It has that status, or somebody else was faster.
            ThingNotFound: Unknown, told to admins only.
            Forbidden: Not the caller's.

        Events: `ThingEnabled` or `ThingDisabled`.
        """
        seen = await self._stoppable(caller, thing_id)
        try:
            thing = await self._things.update_status(
                seen, status, changed_at=self._now(), changed_by=caller.user_id
            )
        finally:
            await self._forget(thing_id)
        if thing is None:
            await self._stoppable(caller, thing_id)
            raise StatusAlreadyAssigned
        return await self._revealed(caller, thing)

    async def delete(self, caller: Caller, thing_id: UUID) -> None:
        """Remove a thing with its connections; its secret stops working at once.

        Raises:
            ThingNotFound: Unknown, or not the caller's.

        Events: `ThingDeleted`.
        """
        seen = self._authorization.own_thing(
            caller, await self._things.find(thing_id), hides_unseen=True
        )
        try:
            if not await self._things.delete(seen):
                raise ThingNotFound
        finally:
            await self._forget(thing_id)

    async def identify(self, secret: str) -> UUID:
        """Tell which enabled thing has a secret; raises ThingNotFound."""
        thing_id = await self._facts.find_thing(secret)
        if thing_id is None:
            raise ThingNotFound
        return thing_id

    async def _stoppable(self, caller: Caller, thing_id: UUID) -> Thing:
        return await self._authorization.change_thing(
            caller, await self._things.find(thing_id), "c_delete"
        )

    async def _forget(self, thing_id: UUID) -> None:
        """To be called also when a change failed: it may have been committed all the same."""
        await self._facts.forget(thing_ids=[thing_id])

    async def _revealed(self, caller: Caller, thing: Thing | None) -> Thing:
        if thing is None:
            raise ThingNotFound
        (shown,) = await self._authorization.reveal(caller, [thing])
        return shown
