"""A thing of a file is made once, also if the answer to its making was lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from cli.bulk.results import Head, Results
from cli.bulk.rows import Row
from cli.bulk.things import ThingsJob
from cli.session import Session
from shared.contracts.things import CreateThingBody, ThingBody, ThingCredentialsBody
from shared.errors import Conflict, NotFound

GIVEN = "9dd12d93-21c9-4147-92fe-769386efb6cc"


class Things:
    """Things by their ids, as the service keeps them."""

    def __init__(self) -> None:
        self.made: dict[UUID, ThingBody] = {}

    async def create_thing(self, token: str, wanted: CreateThingBody) -> ThingBody:
        key = wanted.credentials.secret if wanted.credentials else "made up"
        if UUID(wanted.id) in self.made or key in {"taken"}:
            raise Conflict
        thing = ThingBody(
            id=UUID(wanted.id),
            name=wanted.name,
            tags=wanted.tags or [],
            metadata=cast("dict[str, Any]", wanted.metadata),
            credentials=ThingCredentialsBody(key),
            key=key,
            created_at="",
            updated_at="",
            status="enabled",
        )
        self.made[thing.id] = thing
        return thing

    async def view_thing(self, token: str, thing_id: UUID) -> ThingBody:
        if thing_id not in self.made:
            raise NotFound
        return self.made[thing_id]


class FakeSession:
    def __init__(self, things: Things) -> None:
        self.platform = SimpleNamespace(things=things)

    async def token(self) -> str:
        return "token"


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def job(things: Things) -> ThingsJob:
    return ThingsJob(cast("Session", FakeSession(things)))


def run_of(run: UUID) -> Results:
    return Results(cast("Any", None), Head(job="things create", run=run, file="x"), {})


def row(number: int, **values: str) -> Row:
    return Row(number, values)


async def test_a_row_says_everything_about_its_thing(job: ThingsJob, things: Things) -> None:
    outcome = await job.do(
        row(2, id=GIVEN, name="n", key="k", tags="a; b;", metadata='{"x": [1]}'), run_of(uuid4())
    )

    made = things.made[UUID(GIVEN)]
    assert (made.name, made.tags, made.metadata, made.key) == ("n", ["a", "b"], {"x": [1]}, "k")
    assert (outcome.is_new, outcome.things, outcome.secret) == (True, [GIVEN], "k")


async def test_the_same_row_of_the_same_run_finds_its_thing(job: ThingsJob, things: Things) -> None:
    results = run_of(uuid4())

    first = await job.do(row(2, name="n"), results)
    again = await job.do(row(2, name="n"), results)
    await job.do(row(3, name="n"), results)
    await job.do(row(2, name="n"), run_of(uuid4()))

    assert (first.is_new, again.is_new) == (True, False)
    assert again.things == first.things
    assert len(things.made) == 3


async def test_a_key_or_id_of_another_thing_is_a_conflict(job: ThingsJob) -> None:
    results = run_of(uuid4())
    await job.do(row(2, id=GIVEN, name="one"), results)

    with pytest.raises(Conflict):
        await job.do(row(3, id=GIVEN, name="another"), results)
    with pytest.raises(Conflict):
        await job.do(row(4, name="n", key="taken"), results)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"id": GIVEN.upper()}, "row 2, column id: not a UUID in small letters"),
        ({"id": "x"}, "row 2, column id: not a UUID in small letters"),
        ({"metadata": "[]"}, "row 2, column metadata: not a JSON object"),
        ({"metadata": "{"}, "row 2, column metadata: not a JSON object"),
    ],
)
def test_a_row_that_cannot_be_a_thing_is_told(
    values: dict[str, str], complaint: str, job: ThingsJob
) -> None:
    assert job.complain(row(2, **values)) == [complaint]
    assert job.complain(row(2, name="n", id=GIVEN, metadata="{}")) == []
