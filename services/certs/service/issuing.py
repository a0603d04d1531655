"""From a wish to a signed certificate, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from services.certs.authority import Authority, Draft, read_request
from services.certs.domain import (
    Certificate,
    InvalidLifetime,
    Issued,
    LifetimeTooLong,
    MissingLifetime,
    Wish,
)
from shared.clock import timestamp
from shared.durations import parse_duration
from shared.pki import key_text, make_key

_SECOND = timedelta(seconds=1)


class Holder(Struct, frozen=True, kw_only=True):
    """Whose a new certificate is; see `Certificate`."""

    thing_id: UUID
    owner_id: UUID
    issued_by: UUID
    mapping_id: UUID | None = None


class Order(Struct, frozen=True, kw_only=True):
    """A certificate to be signed, everything chosen but its key."""

    serial: bytes
    holder: Holder
    wish: Wish
    created_at: datetime
    expires_at: datetime


class Issuer:
    """Signs with one authority."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    @property
    def chain(self) -> str:
        """The authority's certificate in PEM, those above it behind it."""
        return self._authority.chain

    def expiry(self, ttl: str, now: datetime) -> datetime:
        """When something made now ends; certificates count in whole seconds.

        Raises:
            MissingLifetime, InvalidLifetime: It is not a duration.
            LifetimeTooLong: The authority's own certificate ends before that.
        """
        if not ttl:
            raise MissingLifetime
        try:
            lifetime = parse_duration(ttl)
        except ValueError:
            raise InvalidLifetime from None
        if lifetime < _SECOND:
            raise InvalidLifetime
        latest = self._authority.not_after
        if lifetime > latest - now:
            raise LifetimeTooLong(timestamp(latest))
        return min((now + lifetime + _SECOND).replace(microsecond=0), latest)

    async def issue(self, order: Order) -> Issued:
        """Make a key pair if none is brought along, and sign.

        Raises:
            InvalidRequest: What was brought along is unusable.
        """
        return await asyncio.to_thread(self._issue, order)

    async def issue_all(self, orders: Sequence[Order]) -> list[Certificate]:
        """Sign several, all or none; raises InvalidRequest."""
        return await asyncio.to_thread(lambda: [self._issue(order).certificate for order in orders])

    def _issue(self, order: Order) -> Issued:
        private_key = ""
        if order.wish.request:
            public_key = read_request(order.wish.request)
        else:
            key = make_key(order.wish.key_kind)
            private_key, public_key = key_text(key), key.public_key()
        holder = order.holder
        content = self._authority.sign(
            Draft(
                serial=order.serial,
                thing_id=holder.thing_id,
                owner_id=holder.owner_id,
                key=public_key,
                not_before=order.created_at,
                not_after=order.expires_at,
            )
        )
        certificate = Certificate(
            serial=order.serial,
            thing_id=holder.thing_id,
            owner_id=holder.owner_id,
            issued_by=holder.issued_by,
            mapping_id=holder.mapping_id,
            authority_id=self._authority.id,
            content=content,
            created_at=order.created_at,
            expires_at=order.expires_at,
        )
        return Issued(certificate, private_key)
