"""Things called as provision calls it, and sets of entities to call it with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from shared.clients.things import ThingsClient
from shared.contracts.things import (
    EntitySetBody,
    SetChannel,
    SetConnection,
    SetStateBody,
    SetThing,
    WithdrawSetBody,
)
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User

NOTHING = {"things": 0, "channels": 0, "connections": 0}


class Things(Struct, frozen=True):
    """The client and, to see what it did, the service's database."""

    client: ThingsClient
    database: Database
    users: UsersStandIn

    def token(
        self, user: User, mapping_id: UUID, *, may: str = "mapping", service: str = "provision"
    ) -> str:
        return self.users.token(
            user.id, kind="service", service=service, scope=f"{may}:{mapping_id}"
        )

    def token_for_all(self, user: User, mapping_ids: Iterable[UUID], *, may: str) -> str:
        scope = " ".join(f"{may}:{mapping_id}" for mapping_id in mapping_ids)
        return self.users.token(user.id, kind="service", service="provision", scope=scope)

    async def apply(self, user: User, mapping_id: UUID, entities: EntitySetBody) -> str:
        made = await self.client.apply_sets(self.token(user, mapping_id), {mapping_id: entities})
        return made[mapping_id]

    async def withdraw(self, user: User, mapping_id: UUID, entities: EntitySetBody) -> None:
        await self.client.withdraw_set(
            self.token(user, mapping_id, may="withdraw"), mapping_id, ids_of(entities)
        )

    async def view(
        self, user: User, mapping_id: UUID, *, may: str = "mapping", service: str = "provision"
    ) -> SetStateBody:
        token = self.token(user, mapping_id, may=may, service=service)
        return await self.client.view_set(token, mapping_id)

    async def counts(self) -> dict[str, int]:
        row = await self.database.fetchrow(
            """
            SELECT (SELECT count(*) FROM things) AS things,
                   (SELECT count(*) FROM channels) AS channels,
                   (SELECT count(*) FROM connections) AS connections
            """
        )
        assert row is not None
        return dict(row)


def make_set(**changed: Any) -> EntitySetBody:
    gateway = SetThing(
        id=uuid4(),
        name="gateway",
        secret=str(uuid4()),
        tags=["a", "b"],
        metadata={"external_id": "x"},
    )
    sensor = SetThing(id=uuid4(), name="sensor", secret=str(uuid4()))
    control = SetChannel(id=uuid4(), name="control", metadata={"type": "control"})
    data = SetChannel(id=uuid4(), name="data", metadata={"type": "data"})
    made = EntitySetBody(
        things=[gateway, sensor],
        channels=[control, data],
        connections=[
            SetConnection(thing_id=gateway.id, channel_id=control.id),
            SetConnection(thing_id=gateway.id, channel_id=data.id, actions=("m_read",)),
            SetConnection(thing_id=sensor.id, channel_id=data.id),
        ],
    )
    return msgspec.structs.replace(made, **changed)


def ids_of(entities: EntitySetBody) -> WithdrawSetBody:
    return WithdrawSetBody(
        things=[thing.id for thing in entities.things],
        channels=[channel.id for channel in entities.channels],
    )
