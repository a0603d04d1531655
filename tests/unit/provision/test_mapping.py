"""Exactly once, or nothing left: the rules of a mapping, each step failing in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import msgspec
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
    StillRunning,
)
from services.provision.saga import Peers
from services.provision.service.mapping import Limits, Mapped, MappingService
from services.provision.service.undoing import Undoing
from shared.contracts.things import EntitySetBody
from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from shared.http.auth import Caller
from tests.fakes.provision import (
    MOMENT,
    MemoryCertificates,
    MemoryConfigs,
    MemoryJournal,
    MemoryThings,
    MemoryUsers,
)
from tests.waiting import eventually

ALICE = Caller(user_id=UUID(int=1), token="token-of-alice")
BOB = Caller(user_id=UUID(int=2), token="token-of-bob")
GATEWAY = Gateway(external_id="gateway", external_key="key", name="edge-gw")
SHORT = timedelta(seconds=0.1)
EARLIER = 1 + 2 + 4 + 8  # mappings, after which a caller's next sixteen have one token
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


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("services.provision.saga", "services.provision.service.undoing"):
        monkeypatch.setattr(f"{module}.PAUSES_SECONDS", (0.01,))
    monkeypatch.setattr("services.provision.service.undoing._LONGEST_PAUSE_SECONDS", 0.01)


async def test_a_mapping_makes_everything_and_says_so(world: World) -> None:
    mapped = await world.map(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert [thing.name for thing in mapped.answer.things] == ["edge-gw", "sensor"]
    assert len(world.things.sets) == len(world.configs.configs) == 1
    assert world.journal.statuses() == ["active"]


async def test_the_plan_is_written_down_before_the_first_call(world: World) -> None:
    seen: list[list[str]] = []
    apply = world.things.apply_sets

    async def look(*arguments: object) -> object:
        seen.append(world.journal.statuses())
        return await apply(*arguments)  # type: ignore[arg-type]

    world.things.apply_sets = look  # type: ignore[method-assign,assignment]
    await world.map(GATEWAY, ALICE)

    assert seen == [["running"]]


async def test_services_are_called_with_a_token_for_this_mapping_only(world: World) -> None:
    await world.map(GATEWAY, ALICE)

    mapping_id = next(iter(world.journal.mappings))
    assert world.things.tokens == [f"caller mapping:{mapping_id}"]


@pytest.mark.parametrize(
    ("service", "call"),
    [("users", "act_for_caller"), ("things", "apply_sets"), ("configs", "apply_configs")],
)
@pytest.mark.parametrize("error", [Conflict("taken"), Unavailable("down")], ids=["refusal", "503"])
async def test_whichever_step_fails_for_good_nothing_is_left_and_the_caller_gets_the_cause(
    world: World, service: str, call: str, error: DomainError
) -> None:
    getattr(world, service).fail(call, error, times=10**6)

    with pytest.raises(type(error)) as refused:
        await world.map(GATEWAY, ALICE)

    assert refused.value is error
    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]
    assert list(world.journal.reasons.values()) == [error.code]


@pytest.mark.parametrize(
    ("service", "call"),
    [("users", "act_for_caller"), ("things", "apply_sets"), ("configs", "apply_configs")],
)
async def test_a_service_that_comes_back_before_the_deadline_only_costs_time(
    world: World, service: str, call: str
) -> None:
    getattr(world, service).fail(call, Unavailable("down"), times=3)
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(hours=1))
    undoing, patient = world.new_process(limits=limits)

    mapped = await patient.map_gateway(LAYOUT, GATEWAY, ALICE)
    await undoing.stop()

    assert not mapped.is_replay
    assert world.journal.statuses() == ["active"]


async def test_a_refusal_is_told_at_once_even_if_another_service_is_down(world: World) -> None:
    world.things.fail("apply_sets", Unavailable("down"), times=10**6)
    world.configs.fail("apply_configs", Conflict("taken"))
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(seconds=5))
    undoing, service = world.new_process(limits=limits)

    with pytest.raises(Conflict):
        await service.map_gateway(LAYOUT, GATEWAY, ALICE)

    await undoing.stop()


@pytest.mark.parametrize("error", [Unauthenticated(), Forbidden(), NotFound()])
async def test_what_a_service_holds_against_provision_is_not_the_callers_fault(
    world: World, error: DomainError
) -> None:
    world.things.fail("apply_sets", error, times=10**6)

    with pytest.raises(Unavailable):
        await world.map()

    assert world.is_empty()


async def test_a_wrong_service_secret_is_not_the_callers_fault(world: World) -> None:
    refusal = Unauthenticated()
    refusal.code = "unknown_service"
    world.users.fail("act_for_caller", refusal, times=10**6)

    with pytest.raises(Unavailable):
        await world.map()


async def test_one_gateway_has_one_mapping_whatever_the_layout(world: World) -> None:
    bare = Layout(
        name="bare",
        things=(LayoutThing(name="thing"),),
        channels=(LayoutChannel(name="channel"),),
        makes_config=False,
        whitelists=False,
    )
    await world.map()

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(layout=bare)

    assert refused.value.details == {"differs": ["layout"]}
    assert len(world.things.sets) == 1


async def test_a_mapping_that_lost_a_part_while_it_was_made_is_replaced(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    await world.journal.mark_things_gone(next(iter(world.journal.plans.values())).thing_ids)
    gate.opened.set()
    await request

    assert world.journal.statuses() == ["broken"]
    assert not (await world.map()).is_replay
    assert world.journal.statuses() == ["deleted", "active"]


async def test_what_is_still_being_removed_is_waited_for(world: World) -> None:
    first = await world.map()
    await world.journal.mark_things_gone([first.answer.things[0].id])
    broken = next(iter(world.journal.plans))
    await world.journal.start_removal(broken, keep_channels=False)

    again = await world.map()

    assert not again.is_replay
    assert world.journal.statuses() == ["deleted", "active"]
    assert len(world.configs.configs) == 1


@pytest.mark.parametrize("lost", ["a channel", "the config"])
async def test_a_repetition_vouches_for_every_part(world: World, lost: str) -> None:
    await world.map()
    mapping_id = next(iter(world.journal.plans))
    if lost == "a channel":
        entities = world.things.sets[mapping_id]
        world.things.sets[mapping_id] = msgspec.structs.replace(
            entities, channels=entities.channels[1:]
        )
    else:
        await world.configs.withdraw_config("others", mapping_id)

    assert not (await world.map()).is_replay


@pytest.mark.parametrize(
    ("service", "call"),
    [("things", "withdraw_set"), ("configs", "withdraw_config"), ("users", "act_for_user")],
)
async def test_an_undo_goes_on_until_every_service_has_answered(
    world: World, service: str, call: str
) -> None:
    world.configs.fail("apply_configs", Conflict("taken"))
    getattr(world, service).fail(call, Unavailable("down"), times=7)

    with pytest.raises(Conflict):
        await world.map(GATEWAY, ALICE)

    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]


async def test_a_step_that_only_seemed_to_fail_cannot_come_to_life_after_the_undo(
    world: World,
) -> None:
    world.configs.fail("apply_configs", Unavailable("timed out"), times=10**6)
    with pytest.raises(Unavailable):
        await world.map(GATEWAY, ALICE)
    plan = next(iter(world.journal.plans.values()))
    world.configs.recover()

    assert plan.config is not None
    with pytest.raises(Conflict):
        await world.configs.apply_configs("late", {plan.mapping_id: plan.config})


async def test_after_a_failure_the_same_request_succeeds(world: World) -> None:
    world.things.fail("apply_sets", Unavailable("down"), times=10**6)
    with suppress(Unavailable):
        await world.map(GATEWAY, ALICE)
    world.things.recover()

    mapped = await world.map(GATEWAY, ALICE)

    assert not mapped.is_replay
    assert sorted(world.journal.statuses()) == ["active", "undone"]


async def test_the_same_request_again_is_the_same_mapping(world: World) -> None:
    first = await world.map(GATEWAY, ALICE)
    again = await world.map(GATEWAY, ALICE)

    assert again.is_replay
    assert again.answer == first.answer
    assert len(world.things.sets) == 1


async def test_other_members_for_the_same_external_id_are_a_conflict_that_names_them(
    world: World,
) -> None:
    await world.map(GATEWAY, ALICE)
    other = Gateway(external_id="gateway", external_key="other", name="edge-gw")

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(other, ALICE)

    assert refused.value.details == {"differs": ["external_key"]}


async def test_another_users_gateway_is_a_conflict_that_tells_nothing(world: World) -> None:
    await world.map(GATEWAY, ALICE)

    with pytest.raises(ExternalIdTaken) as refused:
        await world.map(GATEWAY, BOB)

    assert refused.value.details == {}


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


async def test_identical_requests_at_the_same_time_are_one_mapping(world: World) -> None:
    gate = Gate(world)
    requests = [asyncio.create_task(world.map()) for _ in range(200)]
    await gate.reached.wait()
    gate.opened.set()

    answers = await asyncio.gather(*requests)

    assert [mapped.is_replay for mapped in answers].count(False) == 1
    assert all(mapped.answer == answers[0].answer for mapped in answers)
    assert len(world.things.sets) == 1


async def mapped_together(world: World, *names: str) -> list[Mapped | BaseException]:
    """Gateways mapped at the same moment, while another one of the same caller is at work."""
    for number in range(EARLIER):
        await world.map(Gateway(external_id=f"earlier {number}", external_key="key"))
    gate = Gate(world)
    first = asyncio.create_task(world.map(Gateway(external_id="first", external_key="key")))
    await gate.reached.wait()
    rest = [
        asyncio.create_task(world.map(Gateway(external_id=name, external_key="key")))
        for name in names
    ]

    async def all_claimed() -> bool:
        return len(world.journal.plans) == EARLIER + 1 + len(names)

    await eventually(all_claimed)
    gate.opened.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_mappings_of_the_same_moment_share_calls(world: World) -> None:
    names = [f"gateway {number}" for number in range(40)]

    answers = await mapped_together(world, *names)

    assert all(isinstance(answer, Mapped) for answer in answers)
    made = EARLIER + 1 + len(names)
    assert len(world.things.sets) == len(world.configs.configs) == made
    assert sorted(world.things.calls) == [1] * (EARLIER + 1) + [15, 25]


async def test_one_that_is_refused_does_not_hurt_those_it_came_with(world: World) -> None:
    world.configs.fail("apply_configs bad", Conflict("taken"), times=10**6)

    good, bad, other = await mapped_together(world, "good", "bad", "other")

    assert isinstance(bad, Conflict)
    assert isinstance(good, Mapped)
    assert isinstance(other, Mapped)
    external_ids = {config.external_id for config in world.configs.configs.values()}
    assert external_ids > {"first", "good", "other"}
    assert "bad" not in external_ids
    assert sorted(world.journal.statuses()) == ["active"] * (EARLIER + 3) + ["undone"]
    assert len(world.things.sets) == EARLIER + 3


async def test_those_who_met_a_service_that_was_down_go_on_one_by_one(world: World) -> None:
    world.configs.fail("apply_configs other", Unavailable("down"))
    limits = Limits(deadline=timedelta(hours=1), patience=timedelta(hours=1))
    _, world.service = world.new_process(limits=limits)

    answers = await mapped_together(world, "one", "other")

    assert all(isinstance(answer, Mapped) for answer in answers)
    steps = {
        world.journal.plans[mapping_id].gateway.external_id: step
        for mapping_id, steps in world.journal.steps.items()
        for step in steps
        if step.name == "config"
    }
    assert (steps["first"].tries, steps["first"].errors) == (1, [])
    assert (steps["other"].tries, steps["other"].errors) == (2, ["unavailable"])


async def test_identical_requests_at_two_processes_are_one_mapping(world: World) -> None:
    gate = Gate(world)
    _, other = world.new_process()
    first = asyncio.create_task(world.map())
    await gate.reached.wait()
    second = asyncio.create_task(other.map_gateway(LAYOUT, GATEWAY, ALICE))
    gate.opened.set()

    assert [(await first).is_replay, (await second).is_replay] == [False, True]
    assert len(world.things.sets) == 1


async def test_who_waits_for_a_mapping_that_fails_makes_it_himself(world: World) -> None:
    gate = Gate(world)
    world.configs.fail("apply_configs", Conflict("taken"))
    first = asyncio.create_task(world.map())
    await gate.reached.wait()
    second = asyncio.create_task(world.map())
    gate.opened.set()

    with pytest.raises(Conflict):
        await first
    assert not (await second).is_replay
    assert sorted(world.journal.statuses()) == ["active", "undone"]


async def test_who_waits_too_long_is_told_to_ask_again_and_the_mapping_goes_on(
    world: World,
) -> None:
    gate = Gate(world)
    limits = Limits(deadline=timedelta(seconds=5), patience=timedelta(seconds=0.05))
    undoing, hasty = world.new_process(limits=limits)

    with pytest.raises(StillRunning):
        await hasty.map_gateway(LAYOUT, GATEWAY, ALICE)
    with pytest.raises(MappingRunning):
        await hasty.map_gateway(LAYOUT, GATEWAY, ALICE)
    gate.opened.set()

    assert (await world.map()).is_replay
    await hasty.stop()
    await undoing.stop()


async def test_a_caller_who_hangs_up_changes_nothing(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()

    request.cancel()
    gate.opened.set()

    assert (await world.map()).is_replay


async def test_a_repetition_tells_todays_secrets(world: World) -> None:
    first = await world.map()
    thing_id = first.answer.things[0].id
    world.things.new_secrets[thing_id] = "changed since"

    again = await world.map()

    assert again.is_replay
    assert again.answer.things[0].key == "changed since"
    assert again.answer.things[0].credentials.secret == "changed since"
    assert again.answer.things[1] == first.answer.things[1]


async def test_a_mapping_with_a_disabled_thing_is_replaced_by_the_next_request(
    world: World,
) -> None:
    first = await world.map()
    world.things.disabled.add(first.answer.things[1].id)

    again = await world.map()

    assert not again.is_replay
    assert again.answer.things[0].id != first.answer.things[0].id
    assert sorted(world.journal.statuses()) == ["active", "deleted"]
    assert len(world.things.sets) == len(world.configs.configs) == 1


async def test_a_mapping_that_others_broke_frees_its_external_id(world: World) -> None:
    first = await world.map()
    await world.journal.mark_things_gone([first.answer.things[0].id])

    again = await world.map(Gateway(external_id="gateway", external_key="another key"))

    assert not again.is_replay
    assert sorted(world.journal.statuses()) == ["active", "deleted"]


async def test_a_dry_run_does_nothing_and_finds_the_same_conflicts(world: World) -> None:
    before = await world.service.preview(LAYOUT, GATEWAY, ALICE)
    assert not before.is_replay
    assert world.is_empty()
    await world.map()

    after = await world.service.preview(LAYOUT, GATEWAY, ALICE)

    assert after.is_replay
    with pytest.raises(ExternalIdTaken):
        await world.service.preview(LAYOUT, GATEWAY, BOB)


async def test_without_a_config_each_user_has_the_external_id_for_himself(world: World) -> None:
    layout = Layout(
        things=(LayoutThing(name="thing"),),
        channels=(LayoutChannel(name="channel"),),
        makes_config=False,
        whitelists=False,
    )

    mine = await world.map(layout=layout)
    again = await world.map(layout=layout)
    bobs = await world.map(caller=BOB, layout=layout)

    assert [mine.is_replay, again.is_replay, bobs.is_replay] == [False, True, False]
    assert not world.configs.configs


async def test_what_a_dead_process_left_is_taken_back_by_another(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    await world.stop()
    with suppress(asyncio.CancelledError):
        await request
    assert world.journal.statuses() == ["running"]
    undoing, _ = world.new_process()
    world.journal.forget_workers()

    watching = asyncio.create_task(undoing.watch_for_ever())

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    watching.cancel()
    assert world.is_empty()


async def test_a_living_process_keeps_its_leases(world: World) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    watching = asyncio.create_task(world.undoing.watch_for_ever())

    async def is_kept() -> bool:
        return world.journal.extended == set(world.journal.mappings)

    await eventually(is_kept)
    gate.opened.set()
    await request
    watching.cancel()


async def test_a_process_whose_mapping_was_taken_over_does_not_claim_success(
    world: World,
) -> None:
    gate = Gate(world)
    request = asyncio.create_task(world.map())
    await gate.reached.wait()
    world.journal.forget_workers()
    undoing, _ = world.new_process()
    watching = asyncio.create_task(undoing.watch_for_ever())

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    watching.cancel()
    gate.opened.set()

    with pytest.raises(StillRunning):
        await request
    assert world.is_empty()


async def test_a_mapping_that_resists_is_stuck_and_still_tried(world: World) -> None:
    world.configs.fail("apply_configs", Conflict("taken"))
    world.things.fail("withdraw_set", Unavailable("down"), times=10**6)
    request = asyncio.create_task(world.map())

    async def is_stuck() -> bool:
        return world.journal.statuses() == ["stuck"]

    await eventually(is_stuck)
    world.things.recover()

    async def is_undone() -> bool:
        return world.journal.statuses() == ["undone"]

    await eventually(is_undone)
    with pytest.raises(Conflict):
        await request
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
        await world.map(gateway, ALICE)

    assert world.journal.statuses() == []


async def test_without_any_credentials_nobody_is_acted_for(world: World) -> None:
    with pytest.raises(NoCredentials):
        await world.map(GATEWAY, None)


async def test_the_configured_api_key_comes_before_the_configured_login() -> None:
    world = World(api_key="api-key", user="john@example.com")

    await world.map(GATEWAY, None)

    assert world.users.logins == []
    assert next(iter(world.journal.plans.values())).owner_id == UUID(int=3)


async def test_the_configured_login_is_kept_and_renewed_before_it_expires() -> None:
    world = World(user="john@example.com")
    soon = 2**31
    world.users.token = jwt.encode({"exp": soon}, "k" * 32, algorithm="HS256")
    for number in range(3):
        await world.map(Gateway(external_id=str(number), external_key="key"), None)
    assert world.users.logins == ["john@example.com"]

    expiring = World(user="john@example.com")
    expiring.users.token = jwt.encode({"exp": 1}, "k" * 32, algorithm="HS256")
    for number in range(2):
        await expiring.map(Gateway(external_id=str(number), external_key="key"), None)

    assert len(expiring.users.logins) == 2


async def test_a_refused_login_is_the_callers_401() -> None:
    world = World(user="john@example.com")
    world.users.fail("login", Unauthenticated())

    with pytest.raises(Unauthenticated):
        await world.map(GATEWAY, None)


async def test_a_login_that_was_ended_before_its_time_is_made_again() -> None:
    world = World(user="john@example.com", revoked={"old"})
    world.users.tokens = ["old", "new"]

    await world.map(GATEWAY, None)

    assert len(world.users.logins) == 2


async def test_all_who_wait_for_the_configured_login_share_one() -> None:
    world = World(user="john@example.com")
    world.users.token = jwt.encode({"exp": 2**31}, "k" * 32, algorithm="HS256")

    await asyncio.gather(
        *(
            world.map(Gateway(external_id=str(number), external_key="key"), None)
            for number in range(10)
        )
    )

    assert len(world.users.logins) == 1
