"""Removing a mapping: whose token is used, and who is first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.provision.credentials import Credentials
from services.provision.domain import (
    Gateway,
    Layout,
    LayoutChannel,
    LayoutThing,
    MappingRecord,
    RecordFilter,
    StillRunning,
)
from services.provision.saga import Peers
from services.provision.service.mapping import Limits, MappingService
from services.provision.service.records import RecordService
from services.provision.service.undoing import Undoing
from shared.errors import Unauthenticated, Unavailable
from shared.http.auth import Caller
from shared.http.paging import Page
from tests.fakes.provision import (
    MOMENT,
    MemoryCertificates,
    MemoryConfigs,
    MemoryJournal,
    MemoryThings,
    MemoryUsers,
)
from tests.unit.provision.world import ALICE

LAYOUT = Layout(
    things=(LayoutThing(name="thing", metadata={"external_id": ""}),),
    channels=(LayoutChannel(name="data", metadata={"type": "data"}),),
)


class AnyToken:
    """Every token is good."""

    async def verify(self, token: str) -> Caller:
        return Caller(user_id=ALICE.user_id, token=token)


class MemoryRecords:
    """The journal's lines, as far as they tell a status."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    async def list_page(
        self, owner_id: UUID, wanted: RecordFilter, page: Page
    ) -> tuple[int, list[MappingRecord]]:
        return 0, []

    async def find_newest(self, owner_id: UUID, external_id: str) -> MappingRecord | None:
        for mapping_id, plan in self._journal.plans.items():
            if plan.gateway.external_id == external_id:
                return MappingRecord(
                    id=mapping_id,
                    external_id=external_id,
                    name="",
                    layout="default",
                    status=self._journal.mappings[mapping_id].status,
                    reason="",
                    thing_ids=plan.thing_ids,
                    channel_ids=plan.channel_ids,
                    steps=[],
                    created_at=MOMENT,
                    updated_at=MOMENT,
                )
        return None


class World:
    """Provision with mappings that are there."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.things = MemoryThings()
        self.configs = MemoryConfigs()
        self.users = MemoryUsers()
        peers = Peers(things=self.things, configs=self.configs, certificates=MemoryCertificates())
        self.undoing = Undoing(
            self.journal, self.users, peers, lease_seconds=60, stuck_after_seconds=60
        )
        self.mapping = MappingService(
            journal=self.journal,
            users=self.users,
            peers=peers,
            credentials=Credentials(self.users, AnyToken(), api_key="", user="", password=""),
            undoing=self.undoing,
            new_id=uuid4,
            now=lambda: MOMENT,
            limits=Limits(deadline=timedelta(seconds=1), patience=timedelta(seconds=5)),
            keep_external_key=False,
        )
        self.records = RecordService(
            records=MemoryRecords(self.journal),
            journal=self.journal,
            users=self.users,
            peers=peers,
            undoing=self.undoing,
            patience=timedelta(seconds=5),
        )

    async def map(self, *external_ids: str) -> None:
        for external_id in external_ids:
            gateway = Gateway(external_id=external_id, external_key="key")
            await self.mapping.map_gateway(LAYOUT, gateway, ALICE)

    async def delete(self, external_id: str, *, force: bool = False) -> None:
        await self.records.delete(ALICE, external_id, force=force, keep_channels=False)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.mapping.stop()
    await world.undoing.stop()


async def test_a_mapping_is_taken_back_with_the_token_of_the_look(world: World) -> None:
    await world.map("gateway")
    world.users.fail("act_for_user", Unavailable("down"), times=10**6)

    await world.delete("gateway")

    assert world.journal.statuses() == ["deleted"]
    assert world.things.tokens[-1].startswith("caller withdraw:")


async def test_without_a_look_a_token_is_asked_for(world: World) -> None:
    await world.map("gateway")
    world.users.fail("act_for_caller", Unavailable("down"), times=10**6)

    await world.delete("gateway", force=True)

    assert world.journal.statuses() == ["deleted"]
    assert world.things.tokens[-1].startswith("user withdraw:")


async def test_a_token_that_is_not_good_any_more_is_replaced(world: World) -> None:
    await world.map("gateway")
    world.things.fail("withdraw_set", Unauthenticated())

    await world.delete("gateway")

    assert world.journal.statuses() == ["deleted"]
    assert [token.partition(" ")[0] for token in world.things.tokens[-2:]] == ["caller", "user"]


async def test_who_removes_what_is_being_removed_waits_for_the_same_end(world: World) -> None:
    await world.map("gateway")
    start = world.journal.start_removal

    async def late(mapping_id: UUID, *, keep_channels: bool) -> object:
        await start(mapping_id, keep_channels=True)  # somebody else is first
        return await start(mapping_id, keep_channels=keep_channels)

    world.journal.start_removal = late  # type: ignore[method-assign,assignment]
    await world.delete("gateway")

    assert world.journal.statuses() == ["deleted"]
    assert world.journal.keeping_channels == set(world.journal.plans)


async def test_one_that_resists_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.map(*map(str, range(60)))
    stubborn = next(iter(world.journal.plans))
    withdraw = world.things.withdraw_set

    async def some(token: str, mapping_id: UUID, entities: object) -> None:
        if mapping_id == stubborn:
            raise Unavailable("down")
        await withdraw(token, mapping_id, entities)  # type: ignore[arg-type]

    world.things.withdraw_set = some  # type: ignore[method-assign]
    monkeypatch.setattr(world.records, "_patience", timedelta(seconds=0.5))

    outcomes = await asyncio.gather(
        *(world.delete(str(number)) for number in range(60)), return_exceptions=True
    )

    assert isinstance(outcomes[0], StillRunning)
    assert outcomes[1:] == [None] * 59
    assert set(world.things.sets) == {stubborn}
