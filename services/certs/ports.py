"""What the rules need from outside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.certs.domain import (
    Certificate,
    CertificateSet,
    KnownRevocations,
    Reason,
    Revocation,
    SignedList,
    Standing,
)
from shared.contracts.things import ThingBody
from shared.http.paging import Page


class Things(Protocol):
    """Things, as its users see it."""

    async def view_thing(self, token: str, thing_id: UUID) -> ThingBody:
        """A thing as the token's user sees it; raises NotFound."""


class Certificates(Protocol):
    """Certificates for those who own their things or have asked for them."""

    async def insert(self, certificate: Certificate) -> bool:
        """Keep a new one; False if its thing was stopped since it was looked up."""

    async def find(self, serial: bytes, user_id: UUID) -> Certificate | None:
        """One of a user's."""

    async def list_of_thing(
        self, thing_id: UUID, user_id: UUID, page: Page, moment: datetime
    ) -> tuple[int, list[Certificate]]:
        """How many of a thing's are not revoked, and a part of them by expiry."""

    async def list_expiring(
        self, user_id: UUID, before: datetime | None, page: Page
    ) -> tuple[int, list[Certificate]]:
        """The same for all things, without those that have a successor."""

    async def revoke(self, serial: bytes, user_id: UUID, moment: datetime) -> bool:
        """Revoke one of a user's; False if there is none, or it is revoked."""

    async def revoke_of_thing(self, thing_id: UUID, user_id: UUID, moment: datetime) -> bool:
        """The same for all of a thing's."""

    async def replace(
        self, replaced: bytes, successor: Certificate, user_id: UUID, good_until: datetime
    ) -> bool:
        """Keep a successor and let the replaced one run out; False if it cannot be replaced."""


class CertificateSets(Protocol):
    """The certificates of mappings."""

    async def insert(
        self,
        mapping_id: UUID,
        owner_id: UUID,
        certificates: Collection[Certificate],
        moment: datetime,
    ) -> bool:
        """Keep them all; False if the mapping is known. Raises SerialTaken."""

    async def find(self, mapping_id: UUID) -> CertificateSet | None:
        """What is known of a mapping."""

    async def withdraw(
        self, mapping_ids: Collection[UUID], owner_id: UUID, moment: datetime
    ) -> set[UUID]:
        """Revoke mappings' certificates, and keep any more from being signed.

        Returns:
            The mappings of which that was done: those that are not another user's.
        """


class Followed(Protocol):
    """What happens to certificates without anybody asking."""

    async def stop_things(
        self, thing_ids: Collection[UUID], happened_at: datetime, reason: Reason
    ) -> None:
        """Revoke what things had when they were stopped, and what was being made for them."""

    async def change_owner(self, thing_id: UUID, owner_id: UUID) -> None:
        """A thing's certificates are another user's now."""

    async def announce_due(self, moment: datetime) -> None:
        """Tell which renewed ones have run out by now."""

    async def forget(self, before: datetime) -> None:
        """Let go of what only matters to requests that have ended long ago."""


class Statuses(Protocol):
    """What peers may know of any certificate."""

    async def find_standing(self, serial: bytes, authority_id: bytes, moment: datetime) -> Standing:
        """How one certificate stands."""

    async def known_revocations(self, authority_id: bytes, moment: datetime) -> KnownRevocations:
        """What would be on a list made now."""

    async def list_revocations(self, authority_id: bytes, moment: datetime) -> list[Revocation]:
        """What is revoked and has not expired."""

    async def find_list(self, authority_id: bytes) -> SignedList | None:
        """The newest list."""

    async def insert_list(self, authority_id: bytes, signed: SignedList) -> bool:
        """Keep the next one; False if another process has kept one of its number."""
