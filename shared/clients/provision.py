"""The provision service: gateways set up by layouts, and what became of them."""

from __future__ import annotations

from urllib.parse import quote

import aiohttp
from msgspec import Struct

from shared.clients.base import Peer, with_query
from shared.contracts.common import JsonObject
from shared.contracts.provision import (
    LayoutBody,
    LayoutsPage,
    MappingAnswerBody,
    MappingBody,
    MappingRecordBody,
    MappingsPage,
    MappingsQuery,
    PlanBody,
    UnmapQuery,
)
from shared.http.paging import Page

# Longer than provision lets a caller wait, so that its own answer arrives first.
_MAPPING_SECONDS = 45.0


class Mapped(Struct, frozen=True):
    """A gateway that is set up.

    Attributes:
        is_replay: Whether it was so already, by an earlier request of the same content.
    """

    answer: MappingAnswerBody
    is_replay: bool


class ProvisionClient:
    """Calls provision; every call takes the token it is made with."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._peer = Peer(session, "provision", base_url, timeout_seconds)
        self._mapping_seconds = max(timeout_seconds, _MAPPING_SECONDS)

    async def map_gateway(self, token: str, gateway: MappingBody) -> Mapped:
        """Set up a gateway, exactly once or not at all; safe to repeat.

        Raises:
            Conflict: The external id is another gateway's, or the key or name differ from the
                first request's; the details name the members.
        """
        headers: dict[str, str] = {}
        answer = await self._peer.call(
            "POST",
            "/mapping",
            token=token,
            body=gateway,
            answer=MappingAnswerBody,
            repeatable=True,
            timeout_seconds=self._mapping_seconds,
            headers_seen=headers,
        )
        return Mapped(answer, headers.get("idempotent-replay") == "true")

    async def plan(self, token: str, gateway: MappingBody) -> PlanBody:
        """What `map_gateway` would make; nothing is done."""
        return await self._peer.call(
            "POST",
            "/mapping?dry_run=true",
            token=token,
            body=gateway,
            answer=PlanBody,
            repeatable=True,
        )

    async def content(self, token: str) -> JsonObject:
        """What gateways of the default layout find in their config."""
        return await self._peer.call(
            "GET", "/mapping", token=token, answer=JsonObject, repeatable=True
        )

    async def list_mappings(self, token: str, query: MappingsQuery | None = None) -> MappingsPage:
        """The caller's mappings, without their steps."""
        return await self._peer.call(
            "GET",
            with_query("/mappings", query or MappingsQuery()),
            token=token,
            answer=MappingsPage,
            repeatable=True,
        )

    async def view_mapping(self, token: str, external_id: str) -> MappingRecordBody:
        """The newest mapping of a gateway, with its steps; raises NotFound."""
        return await self._peer.call(
            "GET", _path(external_id), token=token, answer=MappingRecordBody, repeatable=True
        )

    async def delete_mapping(
        self, token: str, external_id: str, how: UnmapQuery | None = None
    ) -> None:
        """Remove everything a mapping made.

        Raises:
            NotFound: There is none.
            Conflict: Others are connected to parts of it by now (`connected_elsewhere`).
        """
        await self._peer.call(
            "DELETE",
            with_query(_path(external_id), how or UnmapQuery()),
            token=token,
            timeout_seconds=self._mapping_seconds,
        )

    async def retry_mapping(self, token: str, external_id: str) -> MappingRecordBody:
        """Try now to clear a stuck or broken mapping away; raises Conflict if it is neither."""
        return await self._peer.call(
            "POST", f"{_path(external_id)}/retry", token=token, answer=MappingRecordBody
        )

    async def list_layouts(self, token: str, page: Page | None = None) -> LayoutsPage:
        """The layouts a mapping can ask for by name, the default one first."""
        return await self._peer.call(
            "GET",
            with_query("/layouts", page or Page()),
            token=token,
            answer=LayoutsPage,
            repeatable=True,
        )

    async def view_layout(self, token: str, name: str) -> LayoutBody:
        """A layout; raises NotFound."""
        return await self._peer.call(
            "GET",
            f"/layouts/{quote(name, safe='')}",
            token=token,
            answer=LayoutBody,
            repeatable=True,
        )


def _path(external_id: str) -> str:
    return f"/mappings/{quote(external_id, safe='')}"
