"""Provision and its surroundings in memory, for tests of its rules."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from services.provision.credentials import Credentials
from services.provision.domain import Gateway, Layout, LayoutChannel, LayoutThing
from services.provision.saga import Peers
from services.provision.service.mapping import Limits, Mapped, MappingService
from services.provision.service.undoing import Undoing
from shared.contracts.things import EntitySetBody
from shared.errors import Unauthenticated
from shared.http.auth import Caller
from tests.fakes.provision import (
    MOMENT,
    MemoryCertificates,
    MemoryConfigs,
    MemoryJournal,
    MemoryThings,
    MemoryUsers,
)

ALICE = Caller(user_id=UUID(int=1), token="token-of-alice")
BOB = Caller(user_id=UUID(int=2), token="token-of-bob")
GATEWAY = Gateway(external_id="gateway", external_key="key", name="edge-gw")
SHORT = timedelta(seconds=0.1)
LAYOUT = Layout(
    things=(LayoutThing(name="thing", metadata={"external_id": ""}), LayoutThing(name="sensor")),
    channels=(
        LayoutChannel(name="control-channel", metadata={"type": "control"}),
        LayoutChannel(name="data-channel", metadata={"type": "data"}),
    ),
)


class AnyToken:
    """Every token is of the user who is configured, unless it was revoked."""

    def __init__(self, revoked: set[str]) -> None:
        self._revoked = revoked

    async def verify(self, token: str) -> Caller:
        if token in self._revoked:
            raise Unauthenticated
        return Caller(user_id=UUID(int=3), token=token)


class World:
    """Provision and its surroundings."""

    def __init__(
        self, *, api_key: str = "", user: str = "", revoked: set[str] | None = None
    ) -> None:
        self._revoked = revoked or set()
        self.journal = MemoryJournal()
        self.things = MemoryThings()
        self.configs = MemoryConfigs()
        self.certificates = MemoryCertificates()
        self.users = MemoryUsers()
        self.undoing, self.service = self.new_process(api_key=api_key, user=user)

    def new_process(
        self, *, api_key: str = "", user: str = "", limits: Limits | None = None
    ) -> tuple[Undoing, MappingService]:
        """Another provision on the same journal."""
        peers = Peers(things=self.things, configs=self.configs, certificates=self.certificates)
        undoing = Undoing(
            self.journal, self.users, peers, lease_seconds=0.05, stuck_after_seconds=0.05
        )
        service = MappingService(
            journal=self.journal,
            users=self.users,
            peers=peers,
            credentials=Credentials(
                self.users, AnyToken(self._revoked), api_key=api_key, user=user, password="12345678"
            ),
            undoing=undoing,
            new_id=uuid4,
            now=lambda: MOMENT,
            limits=limits or Limits(deadline=SHORT, patience=timedelta(seconds=5)),
        )
        return undoing, service

    async def map(
        self, gateway: Gateway = GATEWAY, caller: Caller | None = ALICE, layout: Layout = LAYOUT
    ) -> Mapped:
        return await self.service.map_gateway(layout, gateway, caller)

    def is_empty(self) -> bool:
        return not (self.things.sets or self.configs.configs or self.certificates.sets)

    async def stop(self) -> None:
        await self.service.stop()
        await self.undoing.stop()


class Gate:
    """Holds things up until it is opened."""

    def __init__(self, world: World) -> None:
        self._apply = world.things.apply_sets
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        world.things.apply_sets = self._wait  # type: ignore[method-assign]

    async def _wait(self, token: str, sets: dict[UUID, EntitySetBody]) -> dict[UUID, str]:
        self.reached.set()
        await self.opened.wait()
        return await self._apply(token, sets)
