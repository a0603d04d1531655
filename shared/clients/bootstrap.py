"""The bootstrap service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

import aiohttp

from shared.clients.base import Peer, with_query
from shared.coalescing import Coalescer
from shared.contracts.bootstrap import (
    AddConfigBody,
    ConfigBody,
    ConfigCertificatesBody,
    ConfigsPage,
    ConfigsQuery,
    SetConfigBody,
    SetConfigsBody,
    SetStateBody,
    State,
    UpdateCertificatesBody,
    UpdateConfigBody,
    UpdateConnectionsBody,
    WithdrawConfigsBody,
)


class BootstrapClient:
    """Calls bootstrap; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "bootstrap", base_url, timeout_seconds)
        self._withdrawals: Coalescer[str, UUID, None] = Coalescer(self._withdraw_configs)

    async def apply_configs(self, token: str, configs: Mapping[UUID, SetConfigBody]) -> None:
        """Make mappings' configs, active at once; safe to repeat, also if some were made.

        Raises:
            Conflict: An external id is taken, or a config was withdrawn (`id_withdrawn`).
        """
        await self._peer.call(
            "PUT",
            "/internal/configs",
            token=token,
            body=SetConfigsBody(dict(configs)),
            repeatable=True,
        )

    async def withdraw_config(self, token: str, mapping_id: UUID) -> None:
        """Remove a mapping's config, also one never seen, so that it cannot appear later.

        Those that are removed at the same time with the same token travel together.

        Raises:
            Forbidden: The mapping is another user's.
        """
        await self._withdrawals.call(token, mapping_id)

    async def _withdraw_configs(self, token: str, mapping_ids: Sequence[UUID]) -> list[None]:
        await self._peer.call(
            "DELETE",
            "/internal/configs",
            token=token,
            body=WithdrawConfigsBody(list(mapping_ids)),
            repeatable=True,
        )
        return [None] * len(mapping_ids)

    async def add_config(self, token: str, config: AddConfigBody) -> UUID:
        """Add a config by hand, inactive; answers the id of its thing.

        Raises:
            Conflict: The external id is taken, or the thing has a config.
            NotFound: The thing does not exist.
            InvalidInput: A channel does not exist.
        """
        headers: dict[str, str] = {}
        await self._peer.call(
            "POST", "/things/configs", token=token, body=config, headers_seen=headers
        )
        return UUID(headers["location"].rpartition("/")[2])

    async def view_config(self, token: str, thing_id: UUID) -> ConfigBody:
        """A config, by its thing; raises NotFound."""
        return await self._peer.call(
            "GET", f"/things/configs/{thing_id}", token=token, answer=ConfigBody, repeatable=True
        )

    async def list_configs(self, token: str, query: ConfigsQuery | None = None) -> ConfigsPage:
        """The caller's configs, without their channels."""
        return await self._peer.call(
            "GET",
            with_query("/things/configs", query or ConfigsQuery()),
            token=token,
            answer=ConfigsPage,
            repeatable=True,
        )

    async def update_config(self, token: str, thing_id: UUID, changes: UpdateConfigBody) -> None:
        """Replace name and content; what is missing is cleared."""
        await self._peer.call(
            "PUT", f"/things/configs/{thing_id}", token=token, body=changes, repeatable=True
        )

    async def update_certificates(
        self, token: str, thing_id: UUID, certificates: UpdateCertificatesBody
    ) -> ConfigCertificatesBody:
        """Replace certificate, key and authority; what is missing is cleared."""
        return await self._peer.call(
            "PATCH",
            f"/things/configs/certs/{thing_id}",
            token=token,
            body=certificates,
            answer=ConfigCertificatesBody,
            repeatable=True,
        )

    async def update_connections(
        self, token: str, thing_id: UUID, channel_ids: Sequence[UUID]
    ) -> None:
        """Replace the list of channels."""
        await self._peer.call(
            "PUT",
            f"/things/configs/connections/{thing_id}",
            token=token,
            body=UpdateConnectionsBody(channels=[str(channel) for channel in channel_ids]),
            repeatable=True,
        )

    async def set_state(self, token: str, thing_id: UUID, state: State) -> None:
        """Connect a config's thing to the config's channels, or disconnect it."""
        await self._peer.call(
            "PUT",
            f"/things/state/{thing_id}",
            token=token,
            body=SetStateBody(state=state),
            repeatable=True,
        )

    async def delete_config(self, token: str, thing_id: UUID) -> None:
        """Remove a config; raises NotFound."""
        await self._peer.call("DELETE", f"/things/configs/{thing_id}", token=token)

    async def fetch(self, external_id: str, external_key: str) -> bytes:
        """What a gateway gets, by what is printed on it; JSON as it comes.

        Raises:
            NotFound: No config has this external id.
            Forbidden: The key is wrong.
        """
        return await self._fetch("", external_id, external_key)

    async def fetch_sealed(self, external_id: str, sealed_key: str) -> bytes:
        """The same encrypted, for a key encrypted likewise (docs/secure-fetch.md)."""
        return await self._fetch("secure/", external_id, sealed_key)

    async def _fetch(self, kind: str, external_id: str, key: str) -> bytes:
        return await self._peer.call(
            "GET",
            f"/things/bootstrap/{kind}{quote(external_id, safe='')}",
            headers={"Authorization": f"Thing {key}"},
            answer=bytes,
            repeatable=True,
        )
