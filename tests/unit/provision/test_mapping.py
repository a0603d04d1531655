"""Exactly once, or nothing left: the rules of a mapping, each step failing in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import jwt
import pytest

from services.provision.credentials import Credentials
from services.provision.domain import (
    ExternalIdTaken,
    Gateway,
    Layout,
    LayoutChannel,
    LayoutThing,
    MappingRunning,
    MissingExternalId,
    MissingExternalKey,
    NoCredentials,
)
from services.provision.saga import Peers
from services.provision.service import ProvisionService
from shared.errors import Conflict, DomainError, Unauthenticated, Unavailable
from shared.http.auth import Caller
from tests.fakes.provision import (
    MOMENT,
    MemoryConfigs,
    MemoryJournal,
    MemoryThings,
    MemoryUsers,
)

ALICE = Caller(user_id=UUID(int=1), token="token-of-alice")
BOB = Caller(user_id=UUID(int=2), token="token-of-bob")
GATEWAY = Gateway(external_id="gateway", external_key="key", name="edge-gw")
LAYOUT = Layout(
    things=(LayoutThing(name="thing", metadata={"external_id": ""}), LayoutThing(name="sensor")),
    channels=(
        LayoutChannel(name="control-channel", metadata={"type": "control"}),
        LayoutChannel(name="data-channel", metadata={"type": "data"}),
    ),
)


class AnyToken:
    """Every token is of the user who is configured."""

    async def verify(self, token: str) -> Caller:
        return Caller(user_id=UUID(int=3), token=token)


class World:
    """Provision and its surroundings."""

    def __init__(self, *, api_key: str = "", user: str = "", layout: Layout = LAYOUT) -> None:
        self.journal = MemoryJournal()
        self.things = MemoryThings()
        self.configs = MemoryConfigs()
        self.users = MemoryUsers()
        self.service = ProvisionService(
            layout=layout,
            journal=self.journal,
            users=self.users,
            peers=Peers(things=self.things, configs=self.configs),
            credentials=Credentials(
                self.users, AnyToken(), api_key=api_key, user=user, password="12345678"
            ),
            new_id=uuid4,
            now=lambda: MOMENT,
        )

    def is_empty(self) -> bool:
        return not self.things.sets and not self.configs.configs


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.service.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.provision.service._UNDO_PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr("services.provision.service._CALLER_WAITS_SECONDS", 0.5)


async def test_a_mapping_makes_everything_and_says_so(world: World) -> None:
    mapped = await world.service.map_gateway(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert [thing.name for thing in mapped.answer.things] == ["edge-gw", "sensor"]
    assert len(world.things.sets) == len(world.configs.configs) == 1
    assert world.journal.statuses() == ["active"]


async def test_the_plan_is_written_down_before_the_first_call(world: World) -> None:
    seen: list[list[str]] = []
    apply = world.things.apply_set

    async def look(*arguments: object) -> object:
        seen.append(world.journal.statuses())
        return await apply(*arguments)  # type: ignore[arg-type]

    world.things.apply_set = look  # type: ignore[method-assign,assignment]
    await world.service.map_gateway(GATEWAY, ALICE)

    assert seen == [["running"]]


async def test_services_are_called_with_a_token_for_this_mapping_only(world: World) -> None:
    await world.service.map_gateway(GATEWAY, ALICE)

    mapping_id = next(iter(world.journal.mappings))
    assert world.things.tokens == [f"caller mapping:{mapping_id}"]


@pytest.mark.parametrize(
    ("service", "call"),
    [("users", "act_for_caller"), ("things", "apply_set"), ("configs", "apply_config")],
)
@pytest.mark.parametrize("error", [Conflict("taken"), Unavailable("down")], ids=["refusal", "503"])
async def test_whichever_step_fails_nothing_is_left_and_the_caller_gets_the_cause(
    world: World, service: str, call: str, error: DomainError
) -> None:
    getattr(world, service).fail(call, error)

    with pytest.raises(type(error)) as refused:
        await world.service.map_gateway(GATEWAY, ALICE)

    assert refused.value is error
    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]
    assert list(world.journal.reasons.values()) == [error.code]


@pytest.mark.parametrize(
    ("service", "call"),
    [("things", "withdraw_set"), ("configs", "withdraw_config"), ("users", "act_for_user")],
)
async def test_an_undo_goes_on_until_every_service_has_answered(
    world: World, service: str, call: str
) -> None:
    world.configs.fail("apply_config", Conflict("taken"))
    getattr(world, service).fail(call, Unavailable("down"), times=7)

    with pytest.raises(Conflict):
        await world.service.map_gateway(GATEWAY, ALICE)

    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]


async def test_a_step_that_only_seemed_to_fail_cannot_come_to_life_after_the_undo(
    world: World,
) -> None:
    world.configs.fail("apply_config", Unavailable("timed out"))
    with pytest.raises(Unavailable):
        await world.service.map_gateway(GATEWAY, ALICE)
    plan = next(iter(world.journal.plans.values()))

    assert plan.config is not None
    with pytest.raises(Conflict):
        await world.configs.apply_config("late", plan.mapping_id, plan.config)


async def test_after_a_failure_the_same_request_succeeds(world: World) -> None:
    world.things.fail("apply_set", Unavailable("down"))
    with suppress(Unavailable):
        await world.service.map_gateway(GATEWAY, ALICE)

    mapped = await world.service.map_gateway(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert sorted(world.journal.statuses()) == ["active", "undone"]


async def test_the_same_request_again_is_the_same_mapping(world: World) -> None:
    first = await world.service.map_gateway(GATEWAY, ALICE)
    again = await world.service.map_gateway(GATEWAY, ALICE)

    assert again.is_replay
    assert again.answer == first.answer
    assert len(world.things.sets) == 1


async def test_other_members_for_the_same_external_id_are_a_conflict_that_names_them(
    world: World,
) -> None:
    await world.service.map_gateway(GATEWAY, ALICE)
    other = Gateway(external_id="gateway", external_key="other", name="edge-gw")

    with pytest.raises(ExternalIdTaken) as refused:
        await world.service.map_gateway(other, ALICE)

    assert refused.value.details == {"differs": ["external_key"]}


async def test_another_users_gateway_is_a_conflict_that_tells_nothing(world: World) -> None:
    await world.service.map_gateway(GATEWAY, ALICE)

    with pytest.raises(ExternalIdTaken) as refused:
        await world.service.map_gateway(GATEWAY, BOB)

    assert refused.value.details == {}


async def test_a_mapping_in_the_works_is_said_to_be(world: World) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    apply = world.things.apply_set

    async def wait(*arguments: object) -> object:
        started.set()
        await go_on.wait()
        return await apply(*arguments)  # type: ignore[arg-type]

    world.things.apply_set = wait  # type: ignore[method-assign,assignment]
    first = asyncio.create_task(world.service.map_gateway(GATEWAY, ALICE))
    await started.wait()

    with pytest.raises(MappingRunning):
        await world.service.map_gateway(GATEWAY, ALICE)

    go_on.set()
    await first


async def test_a_layout_without_config_may_be_mapped_again_and_again() -> None:
    layout = Layout(
        things=(LayoutThing(name="thing"),),
        channels=(LayoutChannel(name="channel"),),
        makes_config=False,
        whitelists=False,
    )
    world = World(layout=layout)

    await world.service.map_gateway(GATEWAY, ALICE)
    again = await world.service.map_gateway(GATEWAY, ALICE)

    assert not again.is_replay
    assert len(world.things.sets) == 2
    assert not world.configs.configs


async def test_what_a_dead_worker_left_is_taken_back(world: World) -> None:
    world.configs.fail("apply_config", Conflict("taken"))
    world.things.fail("withdraw_set", Unavailable("down"), times=10**6)
    mapping = asyncio.create_task(world.service.map_gateway(GATEWAY, ALICE))
    while "undoing" not in world.journal.statuses():  # noqa: ASYNC110 - the fake has no event
        await asyncio.sleep(0)
    await world.service.stop()
    with suppress(Conflict):
        await mapping
    assert not world.is_empty()
    world.things.fail("withdraw_set", Unavailable("down"), times=0)

    recovering = asyncio.create_task(world.service.recover_for_ever())
    while world.journal.statuses() != ["undone"]:  # noqa: ASYNC110 - the fake has no event
        await asyncio.sleep(0)
    recovering.cancel()

    assert world.is_empty()


@pytest.mark.parametrize(
    ("gateway", "error"),
    [
        (Gateway(external_id="", external_key="key"), MissingExternalId),
        (Gateway(external_id="gateway", external_key=""), MissingExternalKey),
    ],
)
async def test_an_incomplete_label_is_refused(
    world: World, gateway: Gateway, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await world.service.map_gateway(gateway, ALICE)

    assert world.journal.statuses() == []


async def test_without_any_credentials_nobody_is_acted_for(world: World) -> None:
    with pytest.raises(NoCredentials):
        await world.service.map_gateway(GATEWAY, None)


async def test_the_configured_api_key_comes_before_the_configured_login() -> None:
    world = World(api_key="api-key", user="john@example.com")

    await world.service.map_gateway(GATEWAY, None)

    assert world.users.logins == []
    assert next(iter(world.journal.mappings.values())).owner_id == UUID(int=3)


async def test_the_configured_login_is_kept_and_renewed_before_it_expires() -> None:
    world = World(user="john@example.com")
    soon = 2**31
    world.users.token = jwt.encode({"exp": soon}, "k" * 32, algorithm="HS256")
    for number in range(3):
        await world.service.map_gateway(Gateway(external_id=str(number), external_key="key"), None)
    assert world.users.logins == ["john@example.com"]

    expiring = World(user="john@example.com")
    expiring.users.token = jwt.encode({"exp": 1}, "k" * 32, algorithm="HS256")
    for number in range(2):
        await expiring.service.map_gateway(
            Gateway(external_id=str(number), external_key="key"), None
        )

    assert len(expiring.users.logins) == 2


async def test_a_refused_login_is_the_callers_401() -> None:
    world = World(user="john@example.com")
    world.users.fail("login", Unauthenticated())

    with pytest.raises(Unauthenticated):
        await world.service.map_gateway(GATEWAY, None)
