"""What users may do with their things' certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from services.certs.domain import (
    AlreadyRenewed,
    Certificate,
    CertificateNotFound,
    CertificateRevoked,
    Issued,
    MissingThing,
    NothingToRevoke,
    ThingNotVisible,
    ThingStopped,
    Wish,
    serial_from,
    thing_id_from,
)
from services.certs.ports import Certificates
from services.certs.service.authorization import Authorization
from services.certs.service.issuing import Holder, Issuer, Order
from shared.durations import format_duration
from shared.http.auth import Caller
from shared.http.paging import Page


class CertificateService:
    """Issues, shows, renews and revokes.

    Args:
        new_serial: Makes one as it is written.
        grace: How long a certificate stays good after it was renewed.
    """

    def __init__(
        self,
        certificates: Certificates,
        authorization: Authorization,
        issuer: Issuer,
        *,
        grace: timedelta,
        now: Callable[[], datetime],
        new_serial: Callable[[], str],
    ) -> None:
        self._certificates = certificates
        self._authorization = authorization
        self._issuer = issuer
        self._grace = grace
        self._now = now
        self._new_serial = new_serial

    @property
    def chain(self) -> str:
        """The authority's certificates in PEM."""
        return self._issuer.chain

    async def issue(self, caller: Caller, thing: str, wish: Wish) -> Issued:
        """Sign a certificate for a thing of the caller.

        Args:
            thing: Its id, as it was written.

        Raises:
            MissingThing, MissingLifetime, InvalidLifetime, LifetimeTooLong, InvalidRequest: The
                wish cannot be met.
            ThingNotVisible, ThingNotHis, ThingStopped: The thing is not there, not the caller's,
                or disabled.

        Events: `CertificateIssued`.
        """
        if not thing:
            raise MissingThing
        moment = self._now()
        expires_at = self._issuer.expiry(wish.ttl, moment)
        thing_id = thing_id_from(thing)
        if thing_id is None:
            raise ThingNotVisible
        owner_id = await self._authorization.owner_of(caller, thing_id)
        issued = await self._issuer.issue(
            Order(
                serial=self._serial(),
                holder=Holder(thing_id=thing_id, owner_id=owner_id, issued_by=caller.user_id),
                wish=wish,
                created_at=moment,
                expires_at=expires_at,
            )
        )
        if not await self._certificates.insert(issued.certificate):
            raise ThingStopped
        return issued

    async def view(self, caller: Caller, serial: str) -> Certificate:
        """One of the caller's certificates; raises CertificateNotFound."""
        number = serial_from(serial)
        found = None
        if number is not None:
            found = await self._certificates.find(number, caller.user_id)
        if found is None:
            raise CertificateNotFound
        return found

    async def list_of_thing(
        self, caller: Caller, thing: str, page: Page
    ) -> tuple[int, list[Certificate]]:
        """How many of a thing's are not revoked, and a part of them by expiry."""
        thing_id = thing_id_from(thing)
        if thing_id is None:
            return 0, []
        return await self._certificates.list_of_thing(thing_id, caller.user_id, page, self._now())

    async def list_expiring(
        self, caller: Caller, before: datetime | None, page: Page
    ) -> tuple[int, list[Certificate]]:
        """How many are to be renewed by then, and a part of them by expiry."""
        return await self._certificates.list_expiring(caller.user_id, before, page)

    async def revoke(self, caller: Caller, target: str) -> datetime:
        """Revoke one certificate by its serial, or all of a thing by its id.

        Returns:
            When they were revoked.

        Raises:
            NothingToRevoke: The caller has none that is meant, or they are revoked already.

        Events: `CertificateRevoked`.
        """
        moment = self._now()
        serial, thing_id = serial_from(target), thing_id_from(target)
        is_done = False
        if serial is not None:
            is_done = await self._certificates.revoke(serial, caller.user_id, moment)
        elif thing_id is not None:
            is_done = await self._certificates.revoke_of_thing(thing_id, caller.user_id, moment)
        if not is_done:
            raise NothingToRevoke
        return moment

    async def renew(self, caller: Caller, serial: str, wish: Wish) -> Issued:
        """Sign a successor; the certificate itself stays good for the time of grace.

        Args:
            wish: With an empty lifetime, it is as long as before.

        Raises:
            CertificateNotFound: The caller has no such certificate.
            CertificateRevoked, AlreadyRenewed: It is not to be renewed.
            DomainError: As for `issue`.

        Events: `CertificateRenewed`.
        """
        old = await self.view(caller, serial)
        _require_renewable(old)
        if not wish.ttl:
            wish = msgspec.structs.replace(
                wish, ttl=format_duration(_whole_seconds(old.expires_at - old.created_at))
            )
        moment = self._now()
        expires_at = self._issuer.expiry(wish.ttl, moment)
        owner_id = await self._authorization.owner_of(caller, old.thing_id)
        issued = await self._issuer.issue(
            Order(
                serial=self._serial(),
                holder=Holder(
                    thing_id=old.thing_id,
                    owner_id=owner_id,
                    issued_by=caller.user_id,
                    mapping_id=old.mapping_id,
                ),
                wish=wish,
                created_at=moment,
                expires_at=expires_at,
            )
        )
        is_done = await self._certificates.replace(
            old.serial, issued.certificate, caller.user_id, moment + self._grace
        )
        if not is_done:
            _require_renewable(await self.view(caller, serial))
            raise ThingStopped
        return issued

    def _serial(self) -> bytes:
        return bytes.fromhex(self._new_serial().replace(":", ""))


def _require_renewable(certificate: Certificate) -> None:
    if certificate.replaced_by is not None:
        raise AlreadyRenewed(certificate.replaced_by.hex(":"))
    if certificate.revoked_at is not None:
        raise CertificateRevoked


def _whole_seconds(length: timedelta) -> timedelta:
    return timedelta(seconds=int(length.total_seconds()))
