"""What becomes of certificates when things change."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from services.certs.domain import Reason
from services.certs.ports import Followed

_TOMBSTONE_LIFETIME = timedelta(days=1)


class FollowingService:
    """A thing that no longer takes part has no certificate either."""

    def __init__(self, followed: Followed, *, now: Callable[[], datetime]) -> None:
        self._followed = followed
        self._now = now

    async def thing_disabled(self, thing_id: UUID, happened_at: datetime) -> None:
        """Revoke for good; a thing that is enabled again needs new ones.

        Events: `CertificateRevoked`, if one was good.
        """
        await self._followed.stop_things([thing_id], happened_at, Reason.PRIVILEGE_WITHDRAWN)

    async def things_deleted(self, thing_ids: Collection[UUID], happened_at: datetime) -> None:
        """Revoke for good.

        Events: `CertificateRevoked`, if one was good.
        """
        await self._followed.stop_things(thing_ids, happened_at, Reason.CESSATION_OF_OPERATION)

    async def thing_given_away(self, thing_id: UUID, owner_id: UUID) -> None:
        """The new owner sees and revokes its certificates from now on."""
        await self._followed.change_owner(thing_id, owner_id)

    async def look_after(self) -> None:
        """Tell what has run out, and let go of what nobody needs any more."""
        moment = self._now()
        await self._followed.announce_due(moment)
        await self._followed.forget(moment - _TOMBSTONE_LIFETIME)
