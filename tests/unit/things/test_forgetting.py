"""What is remembered of devices is dropped by changes, also by those whose fate is unknown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.things.domain import Channel, Owners, Pairs, Thing, Withdrawal
from services.things.ports import ChannelStore, ConnectionStore, People, SetStore, ThingStore
from services.things.service.authorization import Authorization
from services.things.service.channels import ChannelService
from services.things.service.connections import ConnectionService
from services.things.service.sets import SetService
from services.things.service.things import ThingService
from shared.clock import utc_now
from shared.contracts.common import Status
from shared.errors import Unavailable
from shared.http.auth import Caller
from tests.unit.things.making import NoGrants, make_channel, make_thing


class Remembered:
    """Keeps what was forgotten."""

    def __init__(self) -> None:
        self.forgotten: set[Any] = set()

    async def find_thing(self, secret: str) -> UUID | None:
        return None

    async def is_enabled(self, thing_id: UUID) -> bool:
        return False

    async def find_actions(self, thing_id: UUID, channel_id: UUID) -> Collection[str]:
        return ()

    async def forget(
        self,
        *,
        thing_ids: Iterable[UUID] = (),
        channel_ids: Iterable[UUID] = (),
        pairs: Iterable[tuple[UUID, UUID]] = (),
    ) -> None:
        self.forgotten |= {*thing_ids, *channel_ids, *pairs}


class Broken:
    """A store that commits, perhaps, and then the connection breaks."""

    def __init__(self, seen: Thing | Channel | None = None, owners: Owners | None = None) -> None:
        self._seen = seen
        self._owners = owners

    async def find(self, entity_id: UUID) -> Thing | Channel | None:
        return self._seen

    async def find_owners(self, *_: Any) -> Owners | None:
        return self._owners

    async def find_makers(self, *_: Any) -> dict[Any, Any]:
        return {}

    async def _break(self, *_: Any, **__: Any) -> None:
        raise Unavailable

    update_secret = update_status = delete = upsert = withdraw = _break


@pytest.mark.parametrize("change", ["secret", "status", "delete"])
async def test_a_thing_is_forgotten_when_nobody_knows_whether_the_change_was_committed(
    change: str,
) -> None:
    thing, remembered = make_thing(), Remembered()
    service = ThingService(
        cast("ThingStore", Broken(thing)),
        remembered,
        cast("People", None),
        Authorization(NoGrants()),
        now=utc_now,
        new_id=uuid4,
    )
    owner = Caller(user_id=thing.owner_id)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "secret": lambda: service.update_secret(owner, thing.id, "new"),
        "status": lambda: service.update_status(owner, thing.id, Status.DISABLED),
        "delete": lambda: service.delete(owner, thing.id),
    }

    with pytest.raises(Unavailable):
        await calls[change]()

    assert remembered.forgotten == {thing.id}


@pytest.mark.parametrize("change", ["status", "delete"])
async def test_a_channel_is_forgotten_when_nobody_knows_whether_the_change_was_committed(
    change: str,
) -> None:
    channel, remembered = make_channel(), Remembered()
    service = ChannelService(
        cast("ChannelStore", Broken(channel)),
        remembered,
        Authorization(NoGrants()),
        now=utc_now,
        new_id=uuid4,
    )
    owner = Caller(user_id=channel.owner_id)

    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "status": lambda: service.update_status(owner, channel.id, Status.DISABLED),
        "delete": lambda: service.delete(owner, channel.id),
    }

    with pytest.raises(Unavailable):
        await calls[change]()

    assert remembered.forgotten == {channel.id}


@pytest.mark.parametrize("change", ["connect", "disconnect"])
async def test_pairs_are_forgotten_when_nobody_knows_whether_the_change_was_committed(
    change: str,
) -> None:
    owner, remembered = Caller(user_id=uuid4()), Remembered()
    pairs = Pairs(thing_ids=[uuid4()], channel_ids=[uuid4(), uuid4()])
    owners = Owners(
        things=dict.fromkeys(pairs.thing_ids, owner.user_id),
        channels=dict.fromkeys(pairs.channel_ids, owner.user_id),
    )
    service = ConnectionService(
        cast("ConnectionStore", Broken(owners=owners)),
        cast("ThingStore", None),
        cast("ChannelStore", None),
        remembered,
        Authorization(NoGrants()),
        now=utc_now,
    )

    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "connect": lambda: service.connect(owner, pairs, None),
        "disconnect": lambda: service.disconnect(owner, pairs),
    }

    with pytest.raises(Unavailable):
        await calls[change]()

    assert remembered.forgotten == set(pairs.all)


async def test_a_withdrawn_set_is_forgotten_when_the_answer_of_the_database_was_lost() -> None:
    remembered, mapping_id, thing_id, channel_id = Remembered(), uuid4(), uuid4(), uuid4()
    service = SetService(
        cast("SetStore", Broken()),
        remembered,
        Authorization(NoGrants()),
        now=utc_now,
        new_id=uuid4,
    )
    scopes = frozenset({f"withdraw:{mapping_id}"})
    provision = Caller(user_id=uuid4(), service="provision", scopes=scopes)

    with pytest.raises(Unavailable):
        await service.withdraw(
            provision,
            [Withdrawal(mapping_id=mapping_id, thing_ids=[thing_id], channel_ids=[channel_id])],
        )

    assert remembered.forgotten == {thing_id, channel_id}
