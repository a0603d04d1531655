"""The certs service."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import aiohttp

from shared.clients.base import Peer, with_query
from shared.coalescing import Coalescer
from shared.contracts.certs import (
    CertificateBody,
    CertificatesQuery,
    IssueBody,
    RenewBody,
    RevokedBody,
    SerialsPage,
    SetCertificatesBody,
    SignedSetBody,
    WithdrawCertificatesBody,
)
from shared.http.paging import Page


class CertsClient:
    """Calls certs; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "certs", base_url, timeout_seconds)
        self._withdrawals: Coalescer[str, UUID, None] = Coalescer(self._withdraw_sets)

    async def sign_set(
        self, token: str, mapping_id: UUID, wanted: SetCertificatesBody
    ) -> SignedSetBody:
        """Sign a mapping's certificates under the serials it has chosen; safe to repeat.

        Raises:
            InvalidInput: A request, a serial or a lifetime is unusable.
            Conflict: A serial is taken, or the set was withdrawn (`id_withdrawn`).
        """
        return await self._peer.call(
            "PUT",
            f"/internal/certificates/{mapping_id}",
            token=token,
            body=wanted,
            answer=SignedSetBody,
            repeatable=True,
        )

    async def view_set(self, token: str, mapping_id: UUID) -> SignedSetBody:
        """The living certificates of a mapping's things; raises Conflict if it was withdrawn."""
        return await self._peer.call(
            "GET",
            f"/internal/certificates/{mapping_id}",
            token=token,
            answer=SignedSetBody,
            repeatable=True,
        )

    async def withdraw_set(self, token: str, mapping_id: UUID) -> None:
        """Revoke a mapping's certificates, and keep any from being signed later.

        Those that are revoked at the same time with the same token travel together.

        Raises:
            Forbidden: The mapping is another user's.
        """
        await self._withdrawals.call(token, mapping_id)

    async def _withdraw_sets(self, token: str, mapping_ids: Sequence[UUID]) -> list[None]:
        await self._peer.call(
            "DELETE",
            "/internal/certificates",
            token=token,
            body=WithdrawCertificatesBody(list(mapping_ids)),
            repeatable=True,
        )
        return [None] * len(mapping_ids)

    async def issue(self, token: str, wanted: IssueBody) -> CertificateBody:
        """A certificate for a thing; a key made for it is in this answer alone."""
        return await self._peer.call(
            "POST", "/certs", token=token, body=wanted, answer=CertificateBody
        )

    async def renew(
        self, token: str, serial: str, wanted: RenewBody | None = None
    ) -> CertificateBody:
        """A successor; the certificate itself stays good for a while. Raises NotFound."""
        return await self._peer.call(
            "POST",
            f"/certs/{serial}/renew",
            token=token,
            body=wanted or RenewBody(),
            answer=CertificateBody,
        )

    async def view_certificate(self, token: str, serial: str) -> CertificateBody:
        """A certificate, without its key; raises NotFound."""
        return await self._peer.call(
            "GET", f"/certs/{serial}", token=token, answer=CertificateBody, repeatable=True
        )

    async def list_certificates(
        self, token: str, query: CertificatesQuery | None = None
    ) -> SerialsPage:
        """The caller's certificates, those first that expire first."""
        return await self._peer.call(
            "GET",
            with_query("/certs", query or CertificatesQuery()),
            token=token,
            answer=SerialsPage,
            repeatable=True,
        )

    async def list_of_thing(
        self, token: str, thing_id: UUID, page: Page | None = None
    ) -> SerialsPage:
        """The certificates of a thing that are not revoked."""
        return await self._peer.call(
            "GET",
            with_query(f"/serials/{thing_id}", page or Page()),
            token=token,
            answer=SerialsPage,
            repeatable=True,
        )

    async def revoke(self, token: str, serial_or_thing_id: str) -> RevokedBody:
        """Revoke a certificate, or all of a thing; raises NotFound."""
        return await self._peer.call(
            "DELETE", f"/certs/{serial_or_thing_id}", token=token, answer=RevokedBody
        )

    async def authority(self) -> str:
        """The certificates of the authority, PEM."""
        content = await self._peer.call("GET", "/ca", answer=bytes, repeatable=True)
        return content.decode()

    async def revocation_list(self) -> str:
        """The revocation list, PEM."""
        content = await self._peer.call("GET", "/crl?format=pem", answer=bytes, repeatable=True)
        return content.decode()
