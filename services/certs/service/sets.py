"""What provision may do: have a mapping's certificates signed once, and take them back for good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from services.certs.domain import Certificate, SetOfAnotherUser, SetWish, SetWithdrawn, Wish
from services.certs.ports import CertificateSets
from services.certs.service.authorization import authorize_apply, authorize_manage
from services.certs.service.issuing import Holder, Issuer, Order
from shared.errors import InvalidInput
from shared.http.auth import Caller
from shared.pki import KeyKind


class SetService:
    """Signs, shows and withdraws the certificates of mappings."""

    def __init__(
        self, sets: CertificateSets, issuer: Issuer, *, now: Callable[[], datetime]
    ) -> None:
        self._sets = sets
        self._issuer = issuer
        self._now = now

    @property
    def chain(self) -> str:
        """The authority's certificates in PEM."""
        return self._issuer.chain

    async def apply(
        self, caller: Caller, mapping_id: UUID, wishes: Sequence[SetWish]
    ) -> list[Certificate]:
        """Sign a mapping's certificates, if that was not done before; all or none.

        Returns:
            Those that were signed the first time and are still good.

        Raises:
            MissingLifetime, InvalidLifetime, LifetimeTooLong, InvalidRequest: A wish cannot be met.
            SerialTaken: Another certificate has a chosen serial.
            SetWithdrawn: They were withdrawn.
            Forbidden: The caller is not provision acting for this mapping and its user.

        Events: `CertificateIssued`.
        """
        authorize_apply(caller, mapping_id)
        if len({wish.serial for wish in wishes}) < len(wishes):
            raise InvalidInput("a serial is listed twice")
        moment = self._now()
        orders = [
            Order(
                serial=wish.serial,
                holder=Holder(
                    thing_id=wish.thing_id,
                    owner_id=caller.user_id,
                    issued_by=caller.user_id,
                    mapping_id=mapping_id,
                ),
                wish=Wish(ttl=wish.ttl, request=wish.request, key_kind=KeyKind()),
                created_at=moment,
                expires_at=self._issuer.expiry(wish.ttl, moment),
            )
            for wish in wishes
        ]
        certificates = await self._issuer.issue_all(orders)
        if await self._sets.insert(mapping_id, caller.user_id, certificates, moment):
            return certificates
        return await self._living(caller, mapping_id)

    async def view(self, caller: Caller, mapping_id: UUID) -> list[Certificate]:
        """The living certificates of a mapping's things, successors instead of the renewed.

        Raises:
            SetWithdrawn: They were withdrawn, or never signed.
            Forbidden: The caller is not provision acting for this mapping and its user.
        """
        authorize_manage(caller, mapping_id)
        return await self._living(caller, mapping_id)

    async def withdraw(self, caller: Caller, mapping_ids: Collection[UUID]) -> None:
        """Revoke mappings' certificates, and keep any from being signed later.

        Raises:
            Forbidden: The caller is not provision acting for all of these mappings; nothing was
                changed.
            SetOfAnotherUser: A mapping is not his; the others' certificates are revoked.

        Events: `CertificateRevoked` for each mapping of which one was good.
        """
        for mapping_id in mapping_ids:
            authorize_manage(caller, mapping_id)
        withdrawn = await self._sets.withdraw(mapping_ids, caller.user_id, self._now())
        if not withdrawn.issuperset(mapping_ids):
            raise SetOfAnotherUser

    async def _living(self, caller: Caller, mapping_id: UUID) -> list[Certificate]:
        known = await self._sets.find(mapping_id)
        if known is not None and known.owner_id != caller.user_id:
            raise SetOfAnotherUser
        if known is None or known.is_withdrawn:
            raise SetWithdrawn
        return known.certificates
