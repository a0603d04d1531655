"""Who may do what, told by owners, roles and shares."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal
from uuid import UUID, uuid4

import pytest

from services.things.domain import (
    ACTIONS,
    ChannelNotFound,
    Owners,
    Pairs,
    Reach,
    ThingNotFound,
    with_implied,
)
from services.things.service.authorization import Authorization
from shared.errors import Forbidden, NotFound
from shared.http.auth import Caller
from tests.unit.things.making import make_channel, make_thing

ALICE, BOB, ADMIN = (
    Caller(user_id=uuid4()),
    Caller(user_id=uuid4()),
    Caller(user_id=uuid4(), is_admin=True),
)
MINE, OTHERS, UNKNOWN = UUID(int=1), UUID(int=2), UUID(int=3)
THING = make_thing(owner_id=ALICE.user_id, secret="s")
CHANNEL = make_channel(owner_id=ALICE.user_id)


class Shared:
    """The same actions for one user on everything."""

    def __init__(self, *actions: str, user: Caller = BOB) -> None:
        self._actions = frozenset(actions)
        self._user_id = user.user_id

    async def find_thing_actions(
        self, user_id: UUID, thing_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        return dict.fromkeys(thing_ids, self._actions) if user_id == self._user_id else {}

    async def find_channel_actions(
        self, user_id: UUID, channel_ids: Collection[UUID]
    ) -> dict[UUID, frozenset[str]]:
        return await self.find_thing_actions(user_id, channel_ids)


def sharing(*actions: str) -> Authorization:
    return Authorization(Shared(*actions))


def owners_of(thing_ids: list[UUID], channel_ids: list[UUID]) -> Owners:
    known = {MINE: ALICE.user_id, OTHERS: BOB.user_id}
    return Owners(
        things={each: known[each] for each in thing_ids if each in known},
        channels={each: known[each] for each in channel_ids if each in known},
    )


async def test_owner_and_admin_may_do_everything() -> None:
    authorization = sharing()

    for caller in (ALICE, ADMIN):
        assert await authorization.view_thing(caller, THING) is THING
        assert authorization.own_thing(caller, THING) is THING
        assert authorization.own_channel(caller, CHANNEL) is CHANNEL
        assert await authorization.reveal(caller, [THING]) == [THING]
        for action in ACTIONS:
            assert await authorization.change_thing(caller, THING, action) is THING
            assert await authorization.use_channel(caller, CHANNEL, action) is CHANNEL


async def test_a_stranger_cannot_tell_what_exists() -> None:
    authorization = sharing()

    for thing in (THING, None):
        with pytest.raises(ThingNotFound):
            await authorization.view_thing(BOB, thing)
        with pytest.raises(Forbidden):
            await authorization.change_thing(BOB, thing, "c_update")
        with pytest.raises(ThingNotFound):
            await authorization.change_thing(BOB, thing, "c_update", hides_unseen=True)
        with pytest.raises(Forbidden):
            authorization.own_thing(BOB, thing)
    for channel in (CHANNEL, None):
        with pytest.raises(ChannelNotFound):
            await authorization.use_channel(BOB, channel)
        with pytest.raises(ChannelNotFound):
            authorization.own_channel(BOB, channel)
    with pytest.raises(ThingNotFound):
        await authorization.change_thing(ADMIN, None, "c_update")


@pytest.mark.parametrize("action", ["c_list", "c_update", "c_delete"])
async def test_a_share_allows_what_it_says_with_a_thing_and_nothing_else(action: str) -> None:
    authorization = sharing(action)

    assert await authorization.change_thing(BOB, THING, action) is THING
    for other in {"c_update", "c_delete"} - {action}:
        with pytest.raises(Forbidden):
            await authorization.change_thing(BOB, THING, other)
    with pytest.raises(Forbidden):
        authorization.own_thing(BOB, THING)


async def test_who_sees_a_thing_and_may_not_change_it_is_told_so() -> None:
    with pytest.raises(Forbidden):
        await sharing("c_list").change_thing(BOB, THING, "c_update", hides_unseen=True)
    with pytest.raises(Forbidden):
        await sharing("g_list").use_channel(BOB, CHANNEL, "g_update")


@pytest.mark.parametrize("action", ["g_list", "g_update", "g_delete"])
async def test_a_share_allows_what_it_says_with_a_channel(action: str) -> None:
    assert await sharing(action).use_channel(BOB, CHANNEL, action) is CHANNEL


@pytest.mark.parametrize(
    ("caller", "actions", "is_shown"),
    [
        (ALICE, (), True),
        (ADMIN, (), True),
        (BOB, ("c_update",), True),
        (BOB, ("c_list", "c_delete", "c_share", "m_read"), False),
        (BOB, (), False),
        (Caller(user_id=ALICE.user_id, is_key=True, scopes=frozenset({"things:read"})), (), False),
        (Caller(user_id=ALICE.user_id, is_key=True, scopes=frozenset({"things:*"})), (), True),
    ],
)
async def test_secrets_are_for_those_who_may_change_the_thing(
    caller: Caller, actions: tuple[str, ...], is_shown: bool
) -> None:
    (shown,) = await sharing(*actions).reveal(caller, [THING])

    assert (shown.id, shown.secret) == (THING.id, "s" if is_shown else "")


@pytest.mark.parametrize(
    ("things", "channels", "connects", "disconnects"),
    [
        ([MINE], [MINE], None, None),
        ([MINE, OTHERS], [MINE], Forbidden, None),
        ([MINE], [OTHERS], Forbidden, None),
        ([OTHERS], [OTHERS], Forbidden, Forbidden),
        ([MINE, OTHERS], [MINE, OTHERS], Forbidden, Forbidden),
        ([MINE, UNKNOWN], [MINE], NotFound, NotFound),
        ([OTHERS], [UNKNOWN], NotFound, NotFound),
    ],
)
async def test_connecting_takes_both_sides_and_disconnecting_one(
    things: list[UUID],
    channels: list[UUID],
    connects: type[Exception] | None,
    disconnects: type[Exception] | None,
) -> None:
    pairs, owners = Pairs(thing_ids=things, channel_ids=channels), owners_of(things, channels)
    authorization = sharing()

    if connects is None:
        await authorization.connect(ALICE, pairs, owners, ["m_read"])
    else:
        with pytest.raises(connects):
            await authorization.connect(ALICE, pairs, owners, ["m_read"])
    if disconnects is None:
        authorization.disconnect(ALICE, pairs, owners, {})
    else:
        with pytest.raises(disconnects):
            authorization.disconnect(ALICE, pairs, owners, {})


@pytest.mark.parametrize(
    ("shared", "things", "channels", "is_allowed"),
    [
        (("g_add", "m_read"), [MINE], [OTHERS], True),
        (("g_add",), [MINE], [OTHERS], False),
        (("m_read",), [MINE], [OTHERS], False),
        (("c_share",), [OTHERS], [MINE], True),
        (("g_add", "m_read"), [OTHERS], [MINE], False),
        (("g_add", "m_read", "c_share"), [OTHERS], [OTHERS], True),
    ],
)
async def test_a_share_allows_to_connect_and_to_hand_out_no_more_than_it_says(
    shared: tuple[str, ...], things: list[UUID], channels: list[UUID], is_allowed: bool
) -> None:
    authorization = Authorization(Shared(*shared, user=ALICE))
    pairs, owners = Pairs(thing_ids=things, channel_ids=channels), owners_of(things, channels)

    if is_allowed:
        await authorization.connect(ALICE, pairs, owners, ["m_read"])
    else:
        with pytest.raises(Forbidden):
            await authorization.connect(ALICE, pairs, owners, ["m_read"])


async def test_who_connected_others_things_may_disconnect_them() -> None:
    pairs = Pairs(thing_ids=[OTHERS], channel_ids=[OTHERS])
    owners = owners_of([OTHERS], [OTHERS])

    sharing().disconnect(ALICE, pairs, owners, {(OTHERS, OTHERS): ALICE.user_id})

    with pytest.raises(Forbidden):
        sharing().disconnect(ALICE, pairs, owners, {(OTHERS, OTHERS): BOB.user_id})


async def test_an_admin_connects_everything_that_exists() -> None:
    known = Pairs(thing_ids=[MINE, OTHERS], channel_ids=[OTHERS])
    owners = owners_of(known.thing_ids, known.channel_ids)

    await sharing().connect(ADMIN, known, owners, ["m_read"])
    sharing().disconnect(ADMIN, known, owners, {})


@pytest.mark.parametrize(
    ("shared", "given", "is_allowed"),
    [
        (("g_add", "c_list"), ["c_list"], True),
        (("g_add", "c_list"), ["c_list", "c_update"], False),
        (("c_list",), ["c_list"], False),
    ],
)
async def test_a_share_is_passed_on_only_by_those_who_may_add_and_not_beyond_their_own(
    shared: tuple[str, ...], given: list[str], is_allowed: bool
) -> None:
    await sharing().share(ALICE, CHANNEL, ["c_update"])
    if is_allowed:
        await sharing(*shared).share(BOB, CHANNEL, given)
    else:
        with pytest.raises(Forbidden):
            await sharing(*shared).share(BOB, CHANNEL, given)


@pytest.mark.parametrize("visibility", ["", "mine", "shared", "all"])
def test_lists_reach_as_far_as_the_caller_may_see(
    visibility: Literal["", "mine", "shared", "all"],
) -> None:
    alice, admin, authorization = ALICE.user_id, ADMIN.user_id, sharing()
    expected = {
        "": (Reach(alice), Reach()),
        "mine": (Reach(alice), Reach(admin)),
        "shared": (Reach(None, alice), Reach(None, admin)),
        "all": (Reach(alice, alice), Reach()),
    }

    assert authorization.things_reach(ALICE, visibility, "") == expected[visibility][0]
    assert authorization.things_reach(ADMIN, visibility, "") == expected[visibility][1]


def test_only_an_admins_list_may_be_of_somebody_else() -> None:
    authorization, bob = sharing(), str(BOB.user_id)

    assert authorization.things_reach(ALICE, "", bob) == Reach(ALICE.user_id)
    assert authorization.things_reach(ADMIN, "all", bob) == Reach(BOB.user_id)
    assert authorization.channels_reach(ALICE, bob) == Reach(ALICE.user_id, ALICE.user_id)
    assert authorization.channels_reach(ADMIN, bob) == Reach(BOB.user_id)
    assert authorization.channels_reach(ADMIN, "") == Reach()
    assert authorization.policies_of(ALICE, bob) == ALICE.user_id
    assert authorization.policies_of(ADMIN, bob) == BOB.user_id


@pytest.mark.parametrize(
    ("given", "implied"),
    [
        (["m_read"], ["m_read"]),
        (["c_update"], ["c_update", "c_list", "g_list"]),
        (["g_add"], ["g_add", "g_list"]),
        (["g_list", "c_list", "m_write"], ["g_list", "c_list", "m_write"]),
        (["c_list"], ["c_list", "g_list"]),
    ],
)
def test_who_may_do_anything_may_look_at_it(given: list[str], implied: list[str]) -> None:
    assert with_implied(given) == implied
